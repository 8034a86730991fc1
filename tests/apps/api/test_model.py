"""With a champion in charge every contribution is told, and the score comes out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lagmark.backends.lineup import Place, write_lineup
from lagmark.domains.registry import get_domain
from lagmark.learning import Calibration, TrainedModel
from lagmark.learning.models import create_model

from .conftest import new_event
from .running import running

if TYPE_CHECKING:
    import httpx


def champion(registry: Path) -> None:
    """An XGBoost model of the served features, trained on noise, in its place."""
    features = get_domain("handbook").feature_set("default")
    rng = np.random.default_rng(3)
    X = rng.gamma(2.0, 20.0, size=(500, len(features.names)))
    y = (X[:, 0] + rng.normal(size=500) > 50).astype(np.int8)
    model = create_model("xgboost", {"n_estimators": 20, "max_depth": 3})
    model.fit(X, y, names=features.names)
    calibration = Calibration.fit(model.predict_proba(X), y)
    contract = features.contract.hash
    trained = TrainedModel(model, calibration, contract, 0, "f", 0, 0, 1, 500, int(y.sum()))
    trained.save(registry / "bundle")
    place = Place(7, "bundle", features.name, contract)
    write_lineup(registry, "handbook", {"champion": place})


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data = tmp_path_factory.mktemp("champion")
    champion(data / "registry")
    with running(data) as server, server.client() as client:
        yield client


@pytest.fixture
def made(http: httpx.Client) -> dict[str, Any]:
    # Of a customer who was never seen before rules decide.
    for _ in range(2):
        answer = http.post("/v1/decisions", json=new_event(customer=1, amount=77.25)).json()
    assert (answer["model_version"], answer["fallback"]) == ("7", "")
    decided: dict[str, Any] = answer
    return decided


def test_every_contribution_is_told(http: httpx.Client, made: dict[str, Any]) -> None:
    found = http.get(f"/v1/decisions/{made['decision_id']}").json()
    explanation = found["explanation"]
    assert explanation["complete"]
    parts = explanation["contributions"]
    assert {part["feature"] for part in parts} == set(found["features"])
    sizes = [abs(part["contribution"]) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    top = {part["feature"]: part["contribution"] for part in parts}
    for reason in found["reasons"]:
        assert reason["contribution"] == pytest.approx(top[reason["feature"]], abs=1e-9)
        assert reason["text"]
    assert found["features"]["amount"] == 77.25


def test_the_score_comes_out_again(http: httpx.Client, made: dict[str, Any]) -> None:
    replayed = http.post(f"/v1/decisions/{made['decision_id']}:replay").json()
    assert (replayed["recomputed"], replayed["equal"]) == (True, True)
    assert replayed["probability"] == made["probability"]


def test_health_names_the_model(http: httpx.Client) -> None:
    assert http.get("/health/dependencies").json()["models"] == ["7"]
    assert http.get("/health").json()["dependencies"]["model"] == "loaded"
    assert 'model_version="7"' in http.get("/metrics").text
