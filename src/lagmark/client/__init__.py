"""Client of the HTTP API for Python programs; see docs/client.md."""

from __future__ import annotations

from lagmark.client.client import Client
from lagmark.client.results import Answer, Appended, Decision, Refused, Statistics

__all__ = ["Answer", "Appended", "Client", "Decision", "Refused", "Statistics"]
