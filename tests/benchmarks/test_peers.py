"""The benchmarks compare like with like: every contender computes Lagmark's twelve features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.agree import compare, tied_customers
from benchmarks.child import Child
from benchmarks.contenders import CONTENDERS, contender
from benchmarks.workers.river_rolling import Rolling

from benchmarks import data, sets
from lagmark.features import OnlineEngine, backfill


@pytest.fixture(scope="module")
def table() -> Any:
    return data.payments(None, 12_000, customers=70)


@pytest.fixture(scope="module")
def folder(table: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("payments")
    table.write_parquet(path / data.TABLE)
    return path


@pytest.fixture(scope="module")
def ours(table: Any) -> Any:
    return backfill(sets.twelve(), data.batch_of(table)).matrix


def test_the_payments_fill_the_windows(table: Any, ours: Any) -> None:
    assert table["time"].is_sorted()
    assert (ours.max(axis=0) > 0).all()
    assert (ours[:, 10] > ours[:, 8]).any()


@pytest.mark.parametrize("name", CONTENDERS)
def test_contender_agrees_on_every_row(name: str, table: Any, folder: Path, ours: Any) -> None:
    made = contender(name, folder)
    agreement = compare(ours, made.columns(made.run()), tied_customers(table))
    assert agreement.agree, agreement
    assert agreement.values >= 12 * table.height - 6 * tied_customers(table).sum()


def test_share_of_the_handbooks_pandas_takes_whole_entities(
    table: Any, folder: Path, ours: Any
) -> None:
    made = contender("handbook_pandas", folder, share=0.2)
    columns = made.columns(made.run())
    assert compare(ours, columns, tied_customers(table)).agree
    present = ~np.isnan(columns[:, 0])
    customers = table["customer"].to_numpy()
    assert not set(customers[present]) & set(customers[~present])
    done = sum((~np.isnan(columns[:, j])).sum() for j in (0, 6))
    assert made.scale == pytest.approx(2 * table.height / done)


def test_river_says_the_same_nine(table: Any) -> None:
    ours = backfill(sets.nine(), data.batch_of(table)).matrix
    rolling = Rolling()
    theirs = np.array([rolling.take(row) for row in table.iter_rows()])
    kept = ~tied_customers(table)
    assert kept.sum() > 10_000
    # Adding and taking back leaves rounding errors in River's running means.
    np.testing.assert_allclose(theirs[kept], ours[kept], rtol=0, atol=1e-6)


def test_a_wrong_boundary_is_seen(table: Any, ours: Any) -> None:
    tied = tied_customers(table)
    wrong = ours.copy()
    wrong[-1, 6] += 1
    assert not compare(ours, wrong, tied).agree
    wrong = ours.copy()
    wrong[-1, 7] += 1e-6
    assert not compare(ours, wrong, tied).agree
    assert not compare(ours, np.full_like(ours, np.nan), tied).agree, "nothing was compared"


def test_sixty_features_are_the_same_online_and_in_batches(table: Any) -> None:
    feature_set = sets.sixty()
    assert len(feature_set.names) == 60
    batch = data.batch_of(table)
    expected = backfill(feature_set, batch).matrix
    engine = OnlineEngine(feature_set)
    parts = [engine.process_batch(data.batch_of(p)) for p in table.iter_slices(1_000)]
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_flat_sets_differ_in_nothing_but_the_window() -> None:
    short, long = sets.flat("1min"), sets.flat("365d")
    assert len(short.names) == 12
    assert [n.replace("1min", "") for n in short.names] == [
        n.replace("365d", "") for n in long.names
    ]
    assert sets.flat("1h", only="quantile").names == ("customer_quantile_amount_095_1h",)


def test_long_year_reaches_back_a_year() -> None:
    table = data.long_year(20_000, customers=50)
    assert table["time"].is_sorted()
    span = table["time"][-1] - table["time"][0]
    assert span.days >= 398


def test_a_worker_leaves_the_columns_of_its_contender(folder: Path, ours: Any) -> None:
    with Child("twelve", folder, name="lagmark", share=1.0) as child:
        assert child.ready == {"scale": 1.0}
        found = np.load(child.ask("check")["path"])
    np.testing.assert_array_equal(found, ours)
