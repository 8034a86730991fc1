"""Models that change under load: no request fails, and every decision can be made again."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .models import promote
from .running import Service, until, verify
from .traffic import Traffic, decisions_of, opened

Serve = Callable[..., Service]


class Steady:
    """Load that goes on until it is told to end."""

    def __init__(self, service: Service, traffic: Traffic) -> None:
        self._service, self._traffic = service, traffic
        self._ended = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._traffic.load(self._service, count=150)
        except BaseException as problem:  # noqa: BLE001 - the test that waits for it raises it
            self._problem = problem

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem


def until_changed(service: Service, change: Callable[[], None]) -> dict[str, Any]:
    """Line of the log that says what the line-up is after a change."""
    before = len(service.said("line-up"))
    change()
    until(lambda: len(service.said("line-up")) > before, "the line-up changed")
    return service.said("line-up")[-1]


def break_bundle(data: Path, version: int) -> None:
    """Change one byte of a bundle's model."""
    folder = data / "registry" / "bundles" / str(version) / "model"
    path = max(
        (each for each in folder.iterdir() if each.is_file()), key=lambda p: p.stat().st_size
    )
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_models_change_under_load_without_a_failed_request(
    serve: Serve, tmp_path: Path, bundles: Path
) -> None:
    data = tmp_path / "data"
    promote(data, bundles, champion=1)
    service = serve().ready()
    traffic = Traffic(3)
    with Steady(service, traffic):
        line = until_changed(service, lambda: promote(data, bundles, champion=2, challenger=1))
        assert (line["model_version"], line["others"]) == ("2", ["challenger 1"])
        line = until_changed(service, lambda: promote(data, bundles, champion=1, shadow=2))
        assert (line["model_version"], line["others"]) == ("1", ["shadow 2"])

        # One that cannot be loaded does not take the place of one that decides.
        shutil.copytree(bundles / "3", data / "registry" / "bundles" / "3")
        break_bundle(data, 3)
        line = until_changed(service, lambda: promote(data, bundles, champion=3, shadow=2))
        assert line["model_version"] == "1"
        assert line["model_failed"]
        line = until_changed(service, lambda: promote(data, bundles, champion=2))
        assert (line["model_version"], line["model_failed"]) == ("2", "")
    assert (traffic.refused, traffic.broken) == (0, 0)
    assert service.stop() == 0
    with opened(data) as ledger:
        traffic.check(ledger)
        versions = [each.decision.model_version for each in decisions_of(ledger)]
    asked = [each for each in versions if each != "rules"]
    # In charge one after the other; what lies between are customers that no model has seen.
    assert [v for i, v in enumerate(asked) if i == 0 or asked[i - 1] != v] == ["1", "2", "1", "2"]
    found = verify(data)
    assert found["ok"], found
    assert found["decisions"] == len(traffic.bodies)


def test_rules_answer_where_no_model_can(serve: Serve, tmp_path: Path, bundles: Path) -> None:
    service = serve().ready()
    traffic = Traffic(5, arrival=True)

    def answers() -> list[dict[str, Any]]:
        return [json.loads(traffic.post(service, traffic.event())) for _ in range(40)]

    assert {(each["model_version"], each["fallback"]) for each in answers()} == {
        ("rules", "no_model")
    }
    assert service.stop() == 0

    promote(service.data, bundles, champion=1)
    break_bundle(service.data, 1)
    service.start().ready()
    assert service.said("ready")[0]["model_failed"]
    assert {(each["model_version"], each["fallback"]) for each in answers()} == {
        ("rules", "model_failed")
    }
    until_changed(service, lambda: promote(service.data, bundles, champion=2))
    found = {(each["model_version"], each["fallback"]) for each in answers()}
    assert ("2", "") in found
    assert found <= {("2", ""), ("rules", "unknown_subject")}
    assert service.stop() == 0
    assert verify(service.data)["ok"]
