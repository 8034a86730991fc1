"""The page about own domains, done word by word by a newcomer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from lagmark.domains.registry import load_domain
from lagmark.features import Vectors
from lagmark.sources.events import read_events


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "own-domain.md").read_text(encoding="utf-8")


def block(page: str, language: str, number: int = 0) -> str:
    """Text of the page's fenced block of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[number]


def orders(header: str, size: int) -> pl.DataFrame:
    """Orders under the page's columns, one an hour, every twentieth a fraud."""
    draw = np.random.default_rng(5)
    start = datetime(2024, 3, 1, 9)  # noqa: DTZ001 -- the shop's clock carries no zone
    rows = [
        {
            "order_id": f"A-{n}",
            "placed_at": f"{start + timedelta(hours=n):%Y-%m-%d %H:%M:%S}",
            "account": f"customer-{draw.integers(20)}",
            "device": f"d-{draw.integers(40)}" if n % 3 else None,
            "channel": ("web", "app")[n % 2],
            "total": f"{draw.lognormal(3.0):.2f}",
            "chargeback": int(n % 20 == 0),
            "chargeback_at": f"{start + timedelta(hours=n, days=12):%Y-%m-%d %H:%M:%S}",
        }
        for n in range(size)
    ]
    assert list(rows[0]) == header.split(",")
    return pl.DataFrame(rows)


def test_the_recipe_is_about_fifty_lines(page: str) -> None:
    assert len(block(page, "python").splitlines()) <= 65


def test_the_small_file_of_the_page_reads(page: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(block(page, "python"))
    (tmp_path / "orders.csv").write_text(block(page, "csv"))
    result = read_events(tmp_path / "orders.csv", load_domain(tmp_path / "shop.py"))
    assert result.report.ok
    assert result.batch.events["amount"].to_list() == [2490, 31000, 1850]
    assert (result.report.labels, result.report.frauds) == (2, 1)


def test_own_csv_becomes_a_domain(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    size = 800
    header = block(page, "csv").splitlines()[0]
    (tmp_path / "shop.py").write_text(block(page, "python"))
    orders(header, size).write_csv(tmp_path / "orders.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block(page, "python", 1), "own-domain.md", "exec"), names)
    assert f"{size} rows" in capsys.readouterr().out
    result = read_events("orders.csv", load_domain("./shop.py"))
    report = result.report
    vectors = names["vectors"]
    assert isinstance(vectors, Vectors)
    assert vectors.matrix.shape == (len(result.batch), 6)
    assert vectors.names[2:4] == ("orders_1d", "amount_ratio_30d")
    # One order and one chargeback fall into the hour that summer time skips.
    skipped = "a local time that the clocks skipped"
    assert report.reasons == {f"event_time: {skipped}": 1, f"known_at: {skipped}": 1}
    assert (report.events, report.dead, report.frauds) == (size - 2, 2, 40)
