"""The commands and the code of the README, run as a newcomer would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest


def blocks(root: Path, language: str) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_code_runs(root: Path, tmp_path: Path) -> None:
    (code,) = blocks(root, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "first_time_here" in done.stdout


SERVE = (".venv/bin/lagmark serve", ".venv/bin/lagmark verify --data")


@pytest.mark.slow
def test_the_commands_run(root: Path, tmp_path: Path) -> None:
    commands = [
        shlex.split(line, comments=True)
        for block in blocks(root, "bash")
        for line in block.splitlines()
        # The service runs until it is stopped; tests/service starts it, and sends it history.
        if line.startswith(".venv/bin/lagmark ") and not line.startswith(SERVE)
    ]
    assert len(commands) >= 8
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "lagmark.apps.cli", *command[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "100"},
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
