"""What all tests share: hypothesis profiles, the place of real data, and the rule about skips."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("LAGMARK_REQUIRE_ALL", "0") not in {"", "0"}

# Compiling a kernel takes seconds inside the first example, so no example has a deadline.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "ci",
    settings.get_profile("default"),
    max_examples=300,
    derandomize=True,
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def data_folder() -> Path:
    """Folder of the real files: ``LAGMARK_DATA``, else ``../shared/data`` beside the checkout."""
    named = os.environ.get("LAGMARK_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def root() -> Path:
    """Top folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files; only for tests marked ``data``, which are skipped without it."""
    return data_folder()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the real files where there are none, with a plain reason."""
    if any(data_folder().glob("*.parquet")):
        return
    reason = f"no real data files in {data_folder()}; set LAGMARK_DATA to their folder"
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason=reason))


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport, what: str) -> None:
    """Turn a skip into a failure that keeps the reason."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{what} was skipped, but LAGMARK_REQUIRE_ALL is set: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything must be present, a skipped test failed; only real data may be missing."""
    report = yield
    expected = hasattr(report, "wasxfail") or item.get_closest_marker("data")
    if REQUIRE_ALL and report.skipped and not expected:
        _refuse_skip(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is collected."""
    report = yield
    if REQUIRE_ALL and report.outcome == "skipped":
        _refuse_skip(report, collector.nodeid)
    return report
