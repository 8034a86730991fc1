"""Data made from the OpenAPI document, right and wrong, against a running service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lagmark.apps.api.keys import Scope

if TYPE_CHECKING:
    from .running import Running

HERE = Path(__file__).parent
# Routes that begin work or clear data are sent by their own tests.
# The document cannot say what a CSV file or a safe address is, nor what has expired already. Blank
# and null stand for what is absent, as in files, and a list of events refuses each in its place.
SETTINGS = """
hooks = "{hooks}"
headers = {{ Authorization = "Bearer {token}" }}
wait-for-schema = 10

[[operations]]
include-path = ["/v1/labels:csv", "/v1/lists", "/v1/webhooks"]
checks.positive_data_acceptance.enabled = false

[[operations]]
include-path = ["/v1/decisions", "/v1/decisions:batch", "/v1/labels", "/v1/labels:batch"]
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = [
    "/v1/models:train", "/train", "/v1/data:generate", "/data/generate", "/v1/data", "/data/clear",
]
enabled = false
"""


@pytest.mark.slow
def test_what_the_document_says_holds(server: Running, tmp_path: Path) -> None:
    told = SETTINGS.format(hooks=HERE / "moments.py", token=server.tokens[Scope.ADMIN])
    (tmp_path / "schemathesis.toml").write_text(told)
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "run", f"{server.url}/openapi.json", "--seed", "7", "--max-examples", "30",
         "--continue-on-failure", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900,
        env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"(Selected|Tested): (\d+)", done.stdout))
    assert int(counts["Selected"]) == int(counts["Tested"]) > 30
