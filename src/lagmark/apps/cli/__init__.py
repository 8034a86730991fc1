"""The command line: one module per command, see docs/cli.md."""

from __future__ import annotations

from lagmark.apps.cli.app import main

__all__ = ["main"]
