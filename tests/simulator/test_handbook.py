"""The handbook's process: its rules hold row by row, its sizes have the published order."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from lagmark.errors import ConfigError
from lagmark.simulator.handbook import HandbookScenario, simulate_handbook

PUBLISHED = {
    "TRANSACTION_ID": pl.Int64,
    "TX_DATETIME": pl.Datetime("us"),
    "CUSTOMER_ID": pl.Int32,
    "TERMINAL_ID": pl.Int32,
    "TX_AMOUNT": pl.Float64,
    "TX_TIME_SECONDS": pl.Int32,
    "TX_TIME_DAYS": pl.Int32,
    "TX_FRAUD": pl.Int8,
    "TX_FRAUD_SCENARIO": pl.Int8,
}


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return simulate_handbook(customers=600, terminals=2_000, days=61, radius=10.0, seed=3)


def test_columns_are_the_published_ones(frame: pl.DataFrame) -> None:
    assert dict(frame.schema) == PUBLISHED
    assert sum(frame.null_count().row(0)) == 0


def test_rows_stand_in_time_order_and_ids_count_them(frame: pl.DataFrame) -> None:
    seconds = frame["TX_TIME_SECONDS"].to_numpy()
    assert (np.diff(seconds) >= 0).all()
    assert frame["TRANSACTION_ID"].to_list() == list(range(frame.height))
    start = 1_522_540_800  # 2018-04-01
    assert (frame["TX_DATETIME"].dt.epoch("s") - start).to_list() == seconds.tolist()
    assert frame["TX_TIME_DAYS"].to_list() == (seconds // 86_400).tolist()
    assert frame["TX_TIME_DAYS"].max() == 60


def test_amounts_are_whole_cents_and_not_negative(frame: pl.DataFrame) -> None:
    amounts = frame["TX_AMOUNT"].to_numpy()
    assert (amounts == np.rint(amounts * 100) / 100).all()
    assert amounts.min() >= 0


def test_same_seed_same_bytes_and_another_seed_others() -> None:
    arguments: dict[str, Any] = {"customers": 80, "terminals": 300, "days": 12, "radius": 15.0}
    first = simulate_handbook(seed=5, **arguments)
    assert first.equals(simulate_handbook(seed=5, **arguments))
    assert not first.equals(simulate_handbook(seed=6, **arguments))


def test_people_do_not_depend_on_how_long_they_are_watched() -> None:
    short, long = (
        simulate_handbook(customers=40, terminals=60, days=days, radius=15.0, seed=1)
        for days in (20, 60)
    )

    def reached(frame: pl.DataFrame) -> set[int]:
        return set(frame["CUSTOMER_ID"].to_list())

    # Whoever has no terminal in reach, or hardly ever pays, stays so.
    assert reached(short) <= reached(long)


def test_scenario_one_is_every_high_amount_left_over(frame: pl.DataFrame) -> None:
    high = frame.filter((pl.col("TX_AMOUNT") > 220) & (pl.col("TX_FRAUD") == 0))
    first = frame.filter(pl.col("TX_FRAUD_SCENARIO") == 1)
    assert high.is_empty()
    assert first.height > 0
    assert (first["TX_AMOUNT"] > 220).all()


def test_scenario_two_compromises_two_terminals_a_day_for_28_days() -> None:
    rules = HandbookScenario(
        customers=200, terminals=400, days=40, radius=30.0, high_amount=1e9, customers_per_day=0
    )
    frame = simulate_handbook(scenario=rules, seed=2)
    hit: dict[int, list[int]] = defaultdict(list)
    for terminal, day in (
        frame.filter(pl.col("TX_FRAUD") == 1).select("TERMINAL_ID", "TX_TIME_DAYS").iter_rows()
    ):
        hit[terminal].append(day)
    # 39 days draw two of 400: 70 to 78 different terminals, most of them drawn once.
    assert 60 <= len(hit) <= 78
    assert set(frame["TX_FRAUD_SCENARIO"].to_list()) == {0, 2}
    for terminal, days in hit.items():
        inside = frame.filter(
            (pl.col("TERMINAL_ID") == terminal) & pl.col("TX_TIME_DAYS").is_between(*_span(days))
        )
        if max(days) - min(days) < 28:
            assert (inside["TX_FRAUD"] == 1).all()


def _span(days: list[int]) -> tuple[int, int]:
    return min(days), max(days)


def test_scenario_three_multiplies_a_third_by_five() -> None:
    arguments: dict[str, Any] = {"customers": 300, "terminals": 400, "days": 60, "radius": 30.0}
    quiet = {"high_amount": 1e9, "terminals_per_day": 0}
    honest = simulate_handbook(
        scenario=HandbookScenario(**arguments, **quiet, customers_per_day=0), seed=4
    )
    frame = simulate_handbook(scenario=HandbookScenario(**arguments, **quiet), seed=4)
    assert honest["TX_FRAUD"].sum() == 0
    both = frame.with_columns(before=honest["TX_AMOUNT"]).filter(pl.col("before") > 0)
    factor = (both["TX_AMOUNT"] / both["before"]).round(6)
    assert set(factor.filter(both["TX_FRAUD"] == 0).to_list()) == {1.0}
    # Twice chosen, twice multiplied: rare, and as published.
    assert set(factor.filter(both["TX_FRAUD"] == 1).to_list()) <= {5.0, 25.0, 125.0}
    # 59 days, 3 customers, 14 days of which the last ones are cut, 2 payments a day, a third.
    assert 0.75 < both["TX_FRAUD"].sum() / (59 * 3 * 14 * 2 / 3 * 0.88) < 1.2


def test_sizes_have_the_published_order() -> None:
    frame = simulate_handbook(customers=1_000, terminals=2_000, radius=10.0, seed=0)
    # A fifth of the published people: 1,754,155 payments, 973 of scenario 1, and as many of
    # scenarios 2 and 3 as there, because the same number is compromised.
    assert 0.9 < frame.height * 5 / 1_754_155 < 1.1
    counts = dict(frame["TX_FRAUD_SCENARIO"].value_counts().iter_rows())
    assert 0.5 < counts[1] * 5 / 973 < 1.7
    assert 0.85 < counts[2] / 9_077 < 1.15
    assert 0.85 < counts[3] / 4_631 < 1.15
    honest = frame.filter(pl.col("TX_FRAUD") == 0)["TX_AMOUNT"]
    for level, published in ((0.05, 5.99), (0.5, 44.49), (0.95, 129.72)):
        assert honest.quantile(level) == pytest.approx(published, rel=0.12)
    hours = np.bincount(frame["TX_TIME_SECONDS"].to_numpy() % 86_400 // 3_600, minlength=24)
    shares = hours / frame.height
    assert shares[12] == pytest.approx(0.0736, abs=0.003)
    assert shares[0] == pytest.approx(0.0086, abs=0.002)


def test_progress_ends_at_its_total() -> None:
    seen: list[tuple[int, int]] = []
    simulate_handbook(
        customers=20, terminals=50, days=3, radius=40.0, progress=lambda *step: seen.append(step)
    )
    assert [done for done, _ in seen] == [1, 2, 3, 4]
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"customers": 0}, "customers"),
        ({"terminals": 1}, "terminals_per_day"),
        ({"days": 0}, "days"),
        ({"radius": -1.0}, "radius"),
        ({"radius": float("nan")}, "radius"),
        ({"start": "April"}, "start"),
        ({"seed": -1}, "seed"),
    ],
)
def test_refuses_what_it_cannot_simulate(arguments: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        simulate_handbook(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean_amount": (10.0, 5.0)},
        {"payments_per_day": (-1.0, 4.0)},
        {"one_in": 0},
        {"factor": 0},
        {"noon": 90_000.0},
        {"spread": 0.0},
        {"customers_per_day": -1},
        {"high_amount": -1.0},
    ],
)
def test_scenario_refuses_values_out_of_range(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(arguments))):
        HandbookScenario(**arguments)


def test_nobody_in_reach_gives_an_empty_frame_of_the_same_shape() -> None:
    frame = simulate_handbook(customers=5, terminals=5, days=3, radius=1e-9, seed=0)
    assert frame.is_empty()
    assert dict(frame.schema) == PUBLISHED


@pytest.mark.data
@pytest.mark.slow
def test_full_size_agrees_with_the_published_file() -> None:
    folder = Path(os.environ.get("LAGMARK_DATA", "../shared/data"))
    file = folder / "handbook_raw.parquet"
    if not file.exists():
        pytest.skip(f"{file} is not there; set LAGMARK_DATA to the folder that holds it")
    published, ours = pl.read_parquet(file), simulate_handbook(seed=0)
    assert ours.height == pytest.approx(published.height, rel=0.05)
    for scenario in (1, 2, 3):
        mine, theirs = (
            part.filter(pl.col("TX_FRAUD_SCENARIO") == scenario)["TX_AMOUNT"]
            for part in (ours, published)
        )
        assert mine.len() == pytest.approx(theirs.len(), rel=0.15)
        assert mine.median() == pytest.approx(theirs.median(), rel=0.05)
    for level in (0.05, 0.25, 0.5, 0.75, 0.95, 0.99):
        expected = published["TX_AMOUNT"].quantile(level)
        assert ours["TX_AMOUNT"].quantile(level) == pytest.approx(expected, rel=0.1)
