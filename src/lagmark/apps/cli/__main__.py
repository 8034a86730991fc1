"""The command line as ``python -m lagmark.apps.cli``."""

from __future__ import annotations

import sys

from lagmark.apps.cli.app import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
