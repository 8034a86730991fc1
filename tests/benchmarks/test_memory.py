"""Memory of the service over many requests: the report on known sizes, and a small whole run."""

from __future__ import annotations

import json

import pytest
from benchmarks.__main__ import main
from benchmarks.memory import memory_section


@pytest.mark.parametrize(("kept", "met"), [(0, True), (100, True), (101, False)])
def test_what_is_kept_for_each_request_is_found(kept: int, met: bool) -> None:
    # The first half may fill what has a bound.
    sizes = {n: 10**9 + 10**8 * min(n, 500) + kept * n for n in range(0, 1001, 50)}
    assert [target.met for target in memory_section(sizes).targets] == [met]


@pytest.mark.parametrize("argv", [["--requests", "3"], ["--trees", "0"]])
def test_bad_arguments_are_explained(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["memory", *argv])
    assert stopped.value.code == 2
    assert "must be" in capsys.readouterr().err


@pytest.mark.slow
def test_a_small_run_weighs_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["memory", "--requests", "1000", "--trees", "5", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert status == (0 if told["met"] else 1)
    (section,) = told["sections"]
    assert [*section["bytes"]] == [str(n) for n in range(0, 1001, 50)]
    assert min(section["bytes"].values()) > 10 << 20
