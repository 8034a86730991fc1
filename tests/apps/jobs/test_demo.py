"""The demo, small."""

from __future__ import annotations

from pathlib import Path

from tests.apps.jobs.conftest import Silent

from lagmark.apps.jobs.demo import demo
from lagmark.wiring import Home


def test_the_demo_leaves_everything_it_names(tmp_path: Path) -> None:
    reporter = Silent()
    found = demo(
        tmp_path, reporter=reporter, customers=150, terminals=150, days=40, radius=20.0, seed=2
    )
    assert found.service is not None
    assert found.service.stop() == 0
    assert found.served is not None
    assert found.served.remembered
    assert found.served.sent.events > 0
    assert found.days == 40
    assert len(Home(tmp_path).store("handbook").days()) == 40
    assert found.run.parity_differences == 0
    assert found.run.registration is not None
    for path in (found.payments, found.exploration, found.run.report):
        assert path.is_file()
    assert found.as_dict()["command"] == "demo"
    assert reporter.steps[0].startswith("Simulate payments")
