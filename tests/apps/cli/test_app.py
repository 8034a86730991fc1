"""How commands end: errors on one line, exit statuses, one JSON document, nothing heavy loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import lagmark.errors
from lagmark.apps.cli.app import EXIT_CODES
from lagmark.errors import LagmarkError

Run = Callable[..., object]

DOMAIN = """
from lagmark.domains.domain import Domain, TimeColumn
from lagmark.schema.fields import Field, Kind

FIELDS = (Field("card", Kind.ENTITY), Field("amount", Kind.MONEY, decimals=2))

def broken():
    raise RuntimeError("first line\\nsecond line")

DOMAIN = Domain(
    name="broken", title="A domain with a defect", fields=FIELDS, event_time=TimeColumn("time"),
    feature_sets={"default": broken}, subject="card", amount="amount",
)
"""


def started(*arguments: str, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "lagmark.apps.cli", *arguments]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, **options)


def test_help_names_every_exit_status(lagmark: Run) -> None:
    done = lagmark("--help")
    text = " ".join(done.out.split())
    assert done.status == 0
    assert [c for c, what in EXIT_CODES.items() if f"{c} {what}" not in text] == []


def test_every_error_class_has_a_documented_exit_status() -> None:
    family = [
        kind
        for kind in vars(lagmark.errors).values()
        if isinstance(kind, type) and issubclass(kind, LagmarkError)
    ]
    assert len(family) > 5
    assert {kind.exit_code for kind in family} <= set(EXIT_CODES)


def test_help_loads_no_heavy_library() -> None:
    heavy = ("polars", "numba", "numpy", "pyarrow", "sklearn", "xgboost", "mlflow", "matplotlib")
    program = (
        "import sys; from lagmark.apps.cli import main; main(['--help']); "
        f"main(['backfill', '--help']); print(set(sys.modules) & set({heavy!r}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "set()"


def test_no_arguments_show_the_help_and_are_no_success(lagmark: Run) -> None:
    done = lagmark()
    assert (done.status, "Usage" in done.out) == (2, True)


def test_version(lagmark: Run) -> None:
    assert lagmark("--version").out == f"lagmark {lagmark_version()}\n"


def lagmark_version() -> str:
    import lagmark as package

    return package.__version__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], ["nope", "lagmark --help"]),
        (["validate", "--nope"], ["--nope", "lagmark validate --help"]),
        (["validate", "--domain", "handbook"], ["--events", "lagmark validate --help"]),
        (["domains", "handbok"], ["did you mean 'handbook'", "--domain"]),
        (["simulate", "--out", "x", "--days", "many"], ["--days"]),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    lagmark: Run, arguments: list[str], words: list[str]
) -> None:
    done = lagmark(*arguments)
    assert done.status == 2
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert [word for word in words if word not in done.err] == []


def test_an_error_is_json_too(lagmark: Run, tmp_path: Path) -> None:
    done = lagmark("validate", "-d", "handbook", "-e", tmp_path / "no.csv", "--json")
    assert done.status == 3
    assert done.json["error"]["exit_code"] == 3
    assert done.json["error"]["kind"] == "DataError"
    assert done.json["error"]["where"].endswith("no.csv")
    assert done.err.count("\n") == 1


def test_wrong_usage_is_json_too(lagmark: Run) -> None:
    assert lagmark("validate", "--json").json["error"]["exit_code"] == 2


def test_a_defect_is_one_line_with_a_way_to_the_traceback(lagmark: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(DOMAIN)
    done = lagmark("domains", tmp_path / "broken.py")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "RuntimeError: first line; " in done.err
    assert "lagmark --debug" in done.err
    loud = lagmark("--debug", "domains", tmp_path / "broken.py")
    assert loud.status == 1
    assert "Traceback" in loud.err
    assert "second line" in loud.err


def test_ctrl_c_ends_with_130(lagmark: Run, tmp_path: Path) -> None:
    (tmp_path / "stop.py").write_text("raise KeyboardInterrupt\n")
    done = lagmark("domains", tmp_path / "stop.py")
    assert done.status == 130
    assert done.err == "stopped; no half-written file is left, run it again\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    program = started("domains", "card", stdout=write_end)
    os.close(write_end)
    _, err = program.communicate(timeout=60)
    assert err == ""
    assert program.returncode == 1


def test_json_is_one_document_on_stdout() -> None:
    program = started("domains", "--json", stdout=subprocess.PIPE)
    out, err = program.communicate(timeout=60)
    assert [domain["name"] for domain in json.loads(out)["domains"]] == [
        "handbook",
        "card",
        "mobile_money",
        "bank_link",
    ]
    assert (err, program.returncode) == ("", 0)
