"""One home serves one writing job at a time, and a killed one gives it up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lagmark.errors import ConfigError, StateError
from lagmark.wiring import Home, default_threads

HOLD = """
import sys, time
from pathlib import Path
from lagmark.wiring import Home
with Home(Path(sys.argv[1])).exclusive():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_job_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateError, match="another run") as caught, home.exclusive():
            pass
        assert "--home" in caught.value.hint
        holder.kill()
    with home.exclusive():
        pass


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made"), Home(tmp_path / "file").exclusive():
        pass


def test_threads_are_few_and_at_least_one() -> None:
    assert 1 <= default_threads() <= 8
