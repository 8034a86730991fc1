"""The alert budget outlives the process that keeps it, and is one budget for all workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

from lagmark.apps.bench.load import closed_loop
from lagmark.domains.registry import get_domain
from lagmark.learning import Calibration, TrainedModel
from lagmark.learning.models import create_model
from lagmark.schema.decision import Decision
from lagmark.schema.records import DecisionRecord, HumanRecord, PolicyRecord
from lagmark.schema.time import DAY

from .models import promote
from .running import TLS, Service, until, verify
from .test_cluster import shared
from .traffic import Traffic, decisions_of, opened

if TYPE_CHECKING:
    from lagmark.ports.ledger import Ledger

    from .servers import Servers

Serve = Callable[..., Service]
Opened = Callable[[], AbstractContextManager["Ledger"]]

CASES, EVERY, PER_DAY = 60, 300, 1_200
POLICY = f"""
choose: budget
thresholds: {{review: 0.9}}
budget: {{analysts: 1, cases: {CASES}, every: {EVERY}, days: 3}}
"""


def prepare(data: Path, bundles: Path) -> None:
    """A model whose probabilities differ much from payment to payment, and alike every day."""
    feature_set = get_domain("handbook").feature_set("default")
    rng = np.random.default_rng(0)
    X = np.zeros((20_000, len(feature_set.names)))
    amounts = X[:, feature_set.names.index("amount")] = rng.lognormal(3.5, 1.2, len(X))
    y = (rng.random(len(X)) < amounts / (amounts + 500)).astype(np.int8)
    model = create_model("xgboost", {"n_estimators": 60})
    model = model.fit(X, y, names=feature_set.names)
    fitted = TrainedModel(
        model, Calibration(), feature_set.contract.hash, 0, "default", 0, 0, 1, len(X), int(y.sum())
    )
    fitted.save(bundles / "1")
    promote(data, bundles, champion=1)
    (data / "policy.yaml").write_text(POLICY)


def notes(ledger: Ledger) -> list[dict[str, Any]]:
    """What was counted when the policy was put on record, in order."""
    found = (entry.record for entry in ledger.entries())
    return [
        each.details["counted"]
        for each in found
        if isinstance(each, HumanRecord) and each.what == "budget"
    ]


def in_force(service: Service) -> set[str]:
    """Versions of the policy by which the workers decide; each connection stays with one."""
    found = set()
    for _ in range(4 * service.workers):
        with httpx.Client(base_url=service.url, verify=TLS) as line:
            found.add(line.get("/v1/lists").json()["policy"])
    return found


def answered(service: Service, traffic: Traffic) -> bool:
    """Whether all payments are; those that are not, or were refused, are sent."""
    left = [body for number, body in traffic.bodies.items() if number not in traffic.answers]
    for each in asyncio.run(closed_loop(service.target(), left, connections=8)).outcomes:
        traffic.note("/v1/decisions", left[each.index], each.status, each.body)
    return traffic.bodies.keys() == traffic.answers.keys()


def send(service: Service, traffic: Traffic, look: Opened, *, parts: int) -> None:
    """Send payments, and have all workers follow what is proposed after each part."""
    for _ in range(parts):
        with look() as ledger:
            before = len(notes(ledger))
        for _ in range(EVERY):
            traffic.event()
        until(lambda: answered(service, traffic), "all payments are answered")
        with look() as ledger:
            until(lambda: len(notes(ledger)) > before, "a proposal", 60)  # noqa: B023
            last = [
                each.version
                for each in (entry.record for entry in ledger.entries())
                if isinstance(each, PolicyRecord)
            ][-1]
        until(lambda: in_force(service) == {last}, "all decide by it", 60)  # noqa: B023


def thresholds(ledger: Ledger) -> dict[str, float]:
    """Threshold of reviews by version of the policy."""
    return {
        each.version: each.content["thresholds"]["review"]
        for each in (entry.record for entry in ledger.entries())
        if isinstance(each, PolicyRecord)
    }


def reviews(made: list[DecisionRecord]) -> Counter[int]:
    """Reviews by day of the traffic."""
    start = made[0].event_time
    found = [(each.event_time - start) // DAY for each in made if each.decision.action == "review"]
    return Counter(found)


@pytest.mark.slow
def test_a_killed_service_goes_on_with_threshold_and_counts(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "data"
    prepare(data, tmp_path)
    service = serve(data).ready()
    traffic = Traffic(3, arrival=True, late=0, step=DAY // PER_DAY)

    def look() -> AbstractContextManager[Ledger]:
        return opened(data)

    send(service, traffic, look, parts=5)
    before = in_force(service)
    service.kill()
    with look() as ledger:
        known = notes(ledger)
        assert thresholds(ledger)[next(iter(before))] != 0.9
    service.start().ready()
    assert in_force(service) == before
    body = traffic.event()
    traffic.post(service, body)
    with look() as ledger:
        assert {decisions_of(ledger)[-1].decision.policy} == before
    send(service, traffic, look, parts=1)
    with look() as ledger:
        after = notes(ledger)
    assert after[: len(known)] == known
    # Days that were over when it was killed are counted as they were.
    full = [day for day in after[-1]["days"] if day in known[-1]["days"]]
    counted = sum(sum(numbers) for *_, numbers in after[-1]["days"])
    assert full
    assert counted > 1_000 > EVERY
    assert service.stop() == 0
    found = verify(data)
    assert found["ok"], found


@pytest.mark.slow
def test_two_workers_keep_one_budget(serve: Serve, cluster: Servers, tmp_path: Path) -> None:
    environment = cluster.environment()
    data = tmp_path / "data"
    prepare(data, tmp_path)
    service = serve(data, workers=2, environment=environment).ready()
    traffic = Traffic(4, arrival=True, late=0, step=DAY // PER_DAY)
    send(service, traffic, lambda: shared(environment), parts=16)
    assert service.stop() == 0
    assert sum(line["counts"].get("decisions.allow", 0) > 0 for line in service.said("drained")) > 1
    with shared(environment) as ledger:
        found = reviews(decisions_of(ledger))
        counted = notes(ledger)
        limits = thresholds(ledger)
    assert all(0.6 * CASES <= found[day] <= 1.4 * CASES for day in (2, 3)), (found, limits)
    at = {each["position"]: each for each in counted}
    assert all(each == at[each["position"]] for each in counted), "workers counted differently"
    checked = verify(data, environment)
    assert checked["problems"] == []
    # Under load, workers may read a shared state that they have just begun anew, and a feature may
    # differ then; the policy and what it made of the features may not.
    parts = {"policy", "model", *Decision.__struct_fields__}
    apart = [each for each in checked["first_differences"] if each["what"] in parts]
    assert apart == []
