"""``make setup``: which interpreter it takes, and what a cut-short run leaves."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = (sys.version_info.major, sys.version_info.minor)


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def machine(path: Path, home: Path) -> dict[str, str]:
    return {"PATH": str(path), "HOME": str(home)}


def test_a_broken_interpreter_is_passed_over(bootstrap: ModuleType, tmp_path: Path) -> None:
    """A version manager's shim that ends with an error is no interpreter."""
    newer = (HERE[0], HERE[1] + 1)
    program(tmp_path / "bin" / f"python{newer[0]}.{newer[1]}", "echo not installed >&2; exit 127")
    program(tmp_path / "bin" / f"python{HERE[0]}.{HERE[1]}", f'exec "{sys.executable}" "$@"')
    found = bootstrap.find_python(machine(tmp_path / "bin", tmp_path), (newer, HERE))
    assert bootstrap.probe(found)[0] == HERE


def test_an_interpreter_of_a_version_manager_is_found(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / ".pyenv" / "versions" / f"{HERE[0]}.{HERE[1]}.0" / "bin"
    program(folder / f"python{HERE[0]}.{HERE[1]}", f'exec "{sys.executable}" "$@"')
    found = bootstrap.find_python(machine(tmp_path / "empty", tmp_path), (HERE,))
    assert bootstrap.probe(found)[0] == HERE


def test_no_interpreter_is_a_message_that_helps(bootstrap: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"(?s)3\.13, 3\.12, 3\.11.*PYTHON="):
        bootstrap.find_python(machine(tmp_path, tmp_path))


@pytest.fixture
def project(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Folder with a lock of nothing and a project of nothing, and a way to set it up."""
    for name in ("requirements/dev.lock", "tools/bootstrap.py"):
        target = tmp_path / "project" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes() if name.startswith("tools") else b"# none\n")
    folder = tmp_path / "project"
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    commands: list[str] = []

    def run(_lock: int, _root: str, *command: str) -> None:
        commands.append("venv" if "venv" in command else command[-1])
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            program(python, f'exec "{sys.executable}" "$@"')
        elif (folder / "fail").exists():
            raise bootstrap.SetupError("pip was cut short")

    monkeypatch.setattr(bootstrap, "run", run)

    def setup() -> list[str]:
        commands.clear()
        bootstrap.setup(0, str(folder), sys.executable)
        return list(commands)

    return folder, setup


def test_a_second_setup_does_nothing(project: Any) -> None:
    _, setup = project
    assert setup() == ["venv", str(Path("requirements", "dev.lock")), "."]
    assert setup() == []


def test_a_setup_cut_short_starts_afresh(bootstrap: ModuleType, project: Any) -> None:
    folder, setup = project
    (folder / "fail").touch()
    with pytest.raises(bootstrap.SetupError, match="cut short"):
        setup()
    (folder / "fail").unlink()
    assert setup()[0] == "venv"


def test_a_new_lock_makes_a_new_environment(project: Any) -> None:
    folder, setup = project
    setup()
    (folder / "requirements" / "dev.lock").write_text("# changed\n")
    assert setup()[0] == "venv"


def test_a_new_project_file_reinstalls_lagmark_only(project: Any) -> None:
    folder, setup = project
    setup()
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "2"\n')
    assert setup() == ["."]


def test_a_moved_folder_makes_a_new_environment(project: Any, bootstrap: ModuleType) -> None:
    folder, setup = project
    setup()
    moved = folder.rename(folder.with_name("elsewhere"))
    assert bootstrap.read_stamp(str(moved / ".venv" / ".lagmark-stamp"))
    assert bootstrap.setup(0, str(moved), sys.executable) is True
