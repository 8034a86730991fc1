"""Pages: escaped, self-contained, the same every time, whole or not at all."""

from __future__ import annotations

import math
import re
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.reports import (
    Note,
    Page,
    Plot,
    Row,
    Section,
    Series,
    Shade,
    Table,
    Text,
    Tile,
    bar_chart,
    calibration_chart,
    histogram,
    horizontal_bar_chart,
    line_chart,
    precision_recall_chart,
    quantile_chart,
)

HOSTILE = "<script>alert('x')</script> & \"$x_1$\" -->"
VOID = {"meta", "br", "path", "use", "rect"}


class Checker(HTMLParser):
    """Open tags, ids and all attributes of a document; refuses wrong nesting."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self._attributes(attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._attributes(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def _attributes(self, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href"):
                self.links.append((value or "").removeprefix("#"))
            self.links += re.findall(r"url\(#([^)]*)\)", value or "")


def check(document: str) -> Checker:
    checker = Checker()
    checker.feed(document)
    checker.close()
    assert checker.open == []
    return checker


def every_plot(text: str) -> list[Plot]:
    days = [17_700.0, 17_701.0, 17_702.0, 17_703.0]
    lines = [
        Series(text, [1.0, 2.0, math.nan, 4.0]),
        Series("frauds", [0.0, 1.0, 0.0, 2.0], "fraud"),
    ]
    curve = [Series(text, [1.0, 0.5, 0.1], "events", [0.0, 0.5, 1.0])]
    return [
        bar_chart(text, [text, "b"], [1.0, 2.0], description=text, label_name=text),
        horizontal_bar_chart(text, [text, "b"], [1.0, 0.0], description=text, tone="fraud"),
        line_chart(text, days, lines, description=text, dates=True),
        line_chart(
            text, days, lines, description=text, separate=True, shade=Shade(days[2], days[3], text)
        ),
        histogram(text, [1.0, 10.0, 100.0], [Series(text, [0.4, 0.6])], description=text, log=True),
        quantile_chart(text, [0.0, 0.5, 1.0], [Series(text, [1.0, 2.0, 9.0])], description=text),
        quantile_chart(
            text, [0.0, 0.5, 1.0], [Series(text, [1.0, 2.0, 9.0])], description=text, log=True
        ),
        precision_recall_chart(text, curve, base_rate=0.1, description=text),
        calibration_chart(text, curve, description=text),
    ]


def full_page(text: str) -> Page:
    plots = every_plot(text)
    table = Table((text, "n"), [(text, 1_000), (None, 2.5)], text, marked=frozenset({1}))
    blocks = [Text(text), Note(text), table, Row(plots[:2]), *plots[2:]]
    return Page(text, text, [Section(text, blocks)], [Tile(text, text, text, "fraud")], text)


def test_every_text_is_escaped_everywhere() -> None:
    document = full_page(HOSTILE).html()
    assert "<script" not in document
    checker = check(document)
    assert "script" not in checker.tags
    # Shown as it stands, dollar signs included: no text is read as a formula.
    assert sum(HOSTILE in text for text in checker.text) > 10


def test_page_needs_no_other_file_and_forbids_loading_any() -> None:
    document = full_page("plain").html()
    assert "://" not in document
    assert "@import" not in document
    assert "default-src 'none'" in document
    assert document.count("<h1>") == 1
    assert "prefers-color-scheme: dark" in document


def test_ids_are_unique_and_every_reference_resolves() -> None:
    checker = check(full_page("plain").html())
    assert len(checker.ids) == len(set(checker.ids))
    assert set(checker.links) <= set(checker.ids)
    assert checker.links


def test_plots_say_what_they_show_and_follow_the_page_colours() -> None:
    for plot in every_plot("plain"):
        markup = plot.html("a-")
        assert 'role="img" aria-label="plain. plain"' in markup
        bare = re.sub(r"var\(--\w+, #[0-9a-f]{6}\)", "", plot.svg)
        assert not re.findall(r"#[0-9a-f]{6}\b(?!\w)", re.sub(r'(href="|url\()#\w+', "", bare))
        assert "DejaVu" not in plot.svg


def test_same_content_same_bytes_also_from_threads() -> None:
    expected = full_page("plain").html()
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(full_page("plain").html())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


def test_plots_leave_matplotlibs_settings_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    every_plot("plain")
    assert dict(mpl.rcParams) == before


def test_tables_head_columns_and_rows_and_align_numbers() -> None:
    markup = Table(("day", "events"), [("Monday", 1_200)], "By day").html()
    assert '<th scope="col" class="num">events</th>' in markup
    assert '<th scope="row" class="txt">Monday</th>' in markup
    assert '<td class="num">1,200</td>' in markup
    assert "<caption>By day</caption>" in markup


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="ascii", exclude_categories=["C"])), st.integers()),
        max_size=6,
    )
)
def test_text_tables_have_columns_in_line(rows: list[tuple[str, int]]) -> None:
    lines = Table(("name", "number"), rows).lines()
    assert len(lines) == len(rows) + 2
    # Right-aligned and last, so that every line ends in the same column.
    assert len({len(line) for line in lines}) == 1
    for line, (_, value) in zip(lines[2:], rows, strict=True):
        assert line.endswith(f"{value:,}")


@pytest.mark.parametrize("align", ["l", "lx", "lrr"])
def test_table_refuses_an_alignment_that_does_not_fit(align: str) -> None:
    with pytest.raises(DataError, match="align"):
        Table(("a", "b"), [], align=align)


def test_table_refuses_a_ragged_row() -> None:
    with pytest.raises(DataError, match="row 1 has 1 cells"):
        Table(("a", "b"), [("x", 1), ("y",)])


def test_plots_refuse_nothing_and_unequal_lengths() -> None:
    with pytest.raises(DataError, match="0 positions"):
        bar_chart("t", [], [], description="d")
    with pytest.raises(DataError, match="2 positions and 1 values"):
        line_chart("t", [1.0, 2.0], [Series("s", [1.0])], description="d")
    with pytest.raises(DataError, match="plot 't'"):
        histogram("t", [1.0, 2.0], [Series("s", [1.0, 2.0])], description="d")


def test_plots_draw_what_is_all_zero_or_all_unknown() -> None:
    nothing = [Series("zero", [0.0, 0.0]), Series("unknown", [math.nan, math.nan], "fraud")]
    assert line_chart("t", [1.0, 2.0], nothing, description="d", separate=True).svg
    assert horizontal_bar_chart("t", ["a"], [0.0], description="d").svg
    assert bar_chart("t", ["a"], [0.0], description="d").svg


def test_write_makes_the_folder_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "new" / "page.html"
    page = Page("T", "L", [])
    assert page.write(target) == target
    assert target.read_text(encoding="utf-8") == page.html()
    Page("U", "L", []).write(target)
    assert "<h1>U</h1>" in target.read_text(encoding="utf-8")
    assert [file.name for file in target.parent.iterdir()] == ["page.html"]


def test_write_says_where_it_could_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="report cannot be written"):
        Page("T", "L", []).write(tmp_path / "file" / "page.html")
