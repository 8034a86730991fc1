#!/usr/bin/env python3
"""Resolve the dependencies into ``requirements/dev.lock``: every version, every hash, no address.

One file serves Python 3.11 to 3.13 on every platform; markers pick what differs. Indexes and local
wheel folders of the machine are kept out of the file, so that it installs from any index.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.lock"
ADDRESS = re.compile(r"https?://|file:|@ |find-links|index-url|^\s*-[ife]\b", re.MULTILINE)
COMMAND = [
    "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
    "--generate-hashes", "--no-emit-index-url", "--custom-compile-command", "make lock",
    "pyproject.toml", "--extra", "cluster", "--extra", "telemetry",
    "--group", "dev", "--group", "build", "--group", "bench",
    "--output-file", "requirements/dev.lock",
]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Write the lock and refuse one that names a place."""
    environ = {k: v for k, v in os.environ.items() if k not in {"UV_FIND_LINKS", "PIP_FIND_LINKS"}}
    before = LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""
    subprocess.run([sys.executable, "-m", *COMMAND, *arguments], cwd=ROOT, env=environ, check=True)
    named = ADDRESS.search(LOCK.read_text(encoding="utf-8"))
    if named:
        LOCK.write_text(before, encoding="utf-8")
        sys.stderr.write(f"lock: the result names a place ({named.group()!r}); kept the old lock\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
