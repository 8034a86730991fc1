"""domains, validate, explore and simulate on real files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., object]


@pytest.fixture
def spoilt(payments: Path, tmp_path: Path) -> Path:
    """A CSV with two rows that cannot become events."""
    rows = payments_as_text(payments).head(50)
    rows[3, "TX_AMOUNT"] = "much"
    rows[7, "TX_DATETIME"] = None
    rows.write_csv(tmp_path / "spoilt.csv")
    return tmp_path / "spoilt.csv"


def payments_as_text(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).with_columns(pl.all().cast(pl.String))


def test_domains_lists_all(lagmark: Run) -> None:
    done = lagmark("domains")
    assert done.status == 0
    for word in ("handbook", "card", "mobile_money", "published", "7d"):
        assert word in done.out


def test_a_domain_shows_its_definitions_and_contract(lagmark: Run) -> None:
    text = lagmark("domains", "card")
    found = lagmark("domains", "card", "--json").json
    assert text.status == 0
    for field in found["fields"]:
        assert field["column"] in text.out
    for features in found["feature_sets"]:
        assert features["contract"] in text.out
        assert len(features["contract"]) == 64
        assert [f["name"] for f in features["features"] if f["name"] not in text.out] == []
    assert "window=1h)" in text.out
    assert "=None" not in text.out


def test_validate_accounts_for_every_row(lagmark: Run, spoilt: Path, tmp_path: Path) -> None:
    letters = tmp_path / "dead.jsonl"
    found = lagmark("validate", "-d", "handbook", "-e", spoilt, "--dead-letters", letters, "--json")
    assert found.status == 0
    report = found.json
    assert (report["rows"], report["events"], report["dead"]) == (50, 48, 2)
    assert report["dead_letters"] == str(letters)
    records = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [record["row"] for record in records] == [3, 7]
    text = lagmark("validate", "-d", "handbook", "-e", spoilt)
    assert text.status == 0
    assert "50 rows = 48 events + 2 dead letters" in text.out
    assert "--dead-letters FILE" in text.out


def test_dead_letters_of_an_earlier_run_go_away(
    lagmark: Run, payments: Path, tmp_path: Path
) -> None:
    letters = tmp_path / "dead.jsonl"
    letters.write_text("old\n")
    found = lagmark("validate", "-d", "handbook", "-e", payments, "--dead-letters", letters)
    assert found.status == 0
    assert not letters.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", "", ["the file is empty"]),
        ("header.csv", "TRANSACTION_ID,TX_DATETIME\n", ["no rows"]),
        ("other.csv", "a,b\n1,2\n", ["missing columns", "TX_DATETIME"]),
        ("kind.xls", "x", ["unknown kind of file"]),
        ("torn.parquet", "PAR1 and then nothing", ["cannot be read"]),
        (
            "dead.csv",
            (
                "TRANSACTION_ID,TX_DATETIME,CUSTOMER_ID,TERMINAL_ID,TX_AMOUNT,TX_FRAUD\n"
                "1,2018-04-01,1,1,-5,0\n"
            ),
            ["no usable row"],
        ),
    ],
)
def test_nothing_usable_is_status_3(
    lagmark: Run, tmp_path: Path, name: str, content: str, words: list[str]
) -> None:
    (tmp_path / name).write_text(content)
    done = lagmark("validate", "-d", "handbook", "-e", tmp_path / name)
    assert done.status == 3
    assert done.err.count("\n") == 1
    assert [word for word in [*words, name] if word not in done.err] == []


def test_events_to_be_scored_need_no_label(lagmark: Run, payments: Path, tmp_path: Path) -> None:
    path = tmp_path / "new.parquet"
    pl.read_parquet(payments).drop("TX_FRAUD").write_parquet(path)
    assert lagmark("validate", "-d", "handbook", "-e", path).status == 3
    assert lagmark("validate", "-d", "handbook", "-e", path, "--unlabelled").status == 0


def test_as_of_hides_what_was_not_known(lagmark: Run, payments: Path) -> None:
    arguments = ("-d", "handbook", "-e", payments, "--as-of", "2018-04-10", "--json")
    report = lagmark("validate", *arguments).json
    assert report["events"] + report["not_yet_known"] == report["rows"]
    assert report["last_event"] < "2018-04-10"
    seen = lagmark("explore", *arguments).json
    assert seen["events"] == report["events"]
    wrong = lagmark("explore", "-d", "handbook", "-e", payments, "--as-of", "soon")
    assert (wrong.status, "--as-of" in wrong.err) == (2, True)


def test_explore_writes_text_json_and_a_page(lagmark: Run, payments: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "look.html"
    text = lagmark("explore", "-d", "handbook", "-e", payments, "--html", page)
    assert text.status == 0
    assert "Amount quantiles" in text.out
    assert str(page) in text.out
    assert "<html" in page.read_text()
    found = lagmark("explore", "-d", "handbook", "-e", payments, "--json").json
    assert found["html"] is None
    assert found["events"] == pl.read_parquet(payments).height


SMALL = ("--customers", 30, "--terminals", 60, "--days", 6)


def test_simulate_writes_a_file_or_daily_files(lagmark: Run, tmp_path: Path) -> None:
    one = lagmark("simulate", "--out", tmp_path / "all.parquet", *SMALL, "--json")
    many = lagmark("simulate", "--out", tmp_path / "daily", *SMALL, "--json")
    assert (one.status, many.status) == (0, 0)
    names = sorted(path.name for path in (tmp_path / "daily").iterdir())
    assert names == [f"2018-04-0{day}.parquet" for day in range(1, 7)]
    whole = pl.read_parquet(tmp_path / "all.parquet")
    daily = pl.concat([pl.read_parquet(tmp_path / "daily" / name) for name in names])
    assert daily.equals(whole)
    assert one.json["events"] == many.json["events"] == whole.height
    assert one.json["frauds"] == whole["TX_FRAUD"].sum()
    assert many.json["files"] == 6


def test_simulate_is_seeded(lagmark: Run, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        lagmark("simulate", "--out", tmp_path / f"{name}.parquet", *SMALL, "--seed", seed)
    a, b, c = (pl.read_parquet(tmp_path / f"{name}.parquet") for name in "abc")
    assert a.equals(b)
    assert not a.equals(c)


def test_simulate_replaces_its_own_folder_and_no_other(lagmark: Run, tmp_path: Path) -> None:
    daily = tmp_path / "daily"
    lagmark("simulate", "--out", daily, *SMALL)
    again = lagmark("simulate", "--out", daily, *SMALL[:-1], 3)
    assert again.status == 0
    assert len(list(daily.iterdir())) == 3
    (daily / "thesis.tex").write_text("years of work")
    refused = lagmark("simulate", "--out", daily, *SMALL)
    assert refused.status == 2
    assert "thesis.tex" in refused.err
    assert (daily / "thesis.tex").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["daily"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--out", "x.csv"], ".parquet"),
        (["--out", "x", "--days", "0"], "days=0"),
        (["--out", "x", "--seed", "-1"], "--seed"),
        (["--out", "x", "--start", "never"], "never"),
        (["--out", "x", "--domain", "card"], "card"),
        (["--out", "here/x.parquet"], "here"),
    ],
)
def test_simulate_says_what_it_cannot_do(
    lagmark: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    word: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").write_text("a file")
    done = lagmark("simulate", *arguments)
    assert done.status == 2
    assert word in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
