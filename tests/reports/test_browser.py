"""Pages in a real browser: they lay out, fit their window and follow the colour scheme."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lagmark.reports import Page, Plot, Row, Section, Series, Table, Tile, bar_chart, line_chart

pytestmark = pytest.mark.browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def browser() -> str:
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(f"no browser: install chromium (Debian: apt-get install chromium) or {NAMES[-1]}")


def plots() -> list[Plot]:
    return [
        bar_chart("Bars", ["a <b>", "c"], [1.0, 2.0], description="Two bars.", wide=True),
        line_chart("Line", [0.0, 1.0], [Series("s", [1.0, 2.0])], description="One line."),
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = Table(("name", *"abcdefghij"), [("row", *[10**9] * 10)], "A wide table")
    content = Page(
        "A & <B>",
        "Lead.",
        [Section("First", [*plots(), Row(plots()), table])],
        [Tile("Events", "1,000"), Tile("Frauds", "8", tone="fraud")],
    )
    return content.write(tmp_path_factory.mktemp("page") / "page.html")


def run(browser: str, page: Path, profile: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [browser, *QUIET, f"--user-data-dir={profile}", *arguments, page.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return finished.stdout


def test_browser_reads_the_page_as_written(browser: str, page: Path, tmp_path: Path) -> None:
    document = run(browser, page, tmp_path, "--dump-dom")
    assert "<h1>A &amp; &lt;B&gt;</h1>" in document
    assert document.count("<svg ") == 4
    # A parser that met broken markup would have moved or dropped elements.
    assert document.count("<section>") == document.count("</section>") == 1
    assert re.search(r"<text[^>]*>a &lt;b&gt;</text>", document)


def test_policy_lets_no_script_run(browser: str, page: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.html"
    script = "<script>document.title = 'run'</script>"
    hostile.write_text(page.read_text(encoding="utf-8").replace("</main>", f"{script}</main>"))
    document = run(browser, hostile, tmp_path / "profile", "--dump-dom")
    assert "<title>A &amp; &lt;B&gt;</title>" in document


@pytest.mark.parametrize(("scheme", "ground"), [("1", (245, 246, 248)), ("0", (20, 23, 28))])
def test_page_follows_the_colour_scheme(
    browser: str, page: Path, tmp_path: Path, scheme: str, ground: tuple[int, int, int]
) -> None:
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    run(
        browser,
        page,
        tmp_path / "profile",
        f"--blink-settings=preferredColorScheme={scheme}",
        "--window-size=1280,1600",
        f"--screenshot={picture}",
    )
    pixels = (imread(picture)[:, :, :3] * 255).round()
    assert tuple(pixels[2, 2]) == ground
    # Bars and lines are there, in the colour of events of this scheme.
    events = (47, 108, 158) if scheme == "1" else (116, 179, 230)
    assert (abs(pixels - events).max(axis=2) <= 1).sum() > 5_000
    # Nothing sticks out of the column on either side.
    assert (pixels[:, :60] == ground).all()
    assert (pixels[:, -60:] == ground).all()
