from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lagmark.errors import StateError
from lagmark.learning import Dataset, TrainedModel, create_policy
from lagmark.learning.card import CARD_FILES, ModelCard
from lagmark.learning.metrics import Budget, average_precision, evaluate
from lagmark.learning.segments import LEAST_FRAUDS, segments
from lagmark.ports.model_registry import Ruling
from lagmark.schema.time import DAY, HOUR

from .worlds import world

AS_OF = 60 * DAY


@pytest.fixture(scope="module")
def made() -> tuple[TrainedModel, Dataset]:
    late = world(3, days=90, per_day=200)
    model = create_policy("maturity_weighted").fit(late.history(AS_OF), "logistic_regression")
    every = create_policy("naive").examples(
        late.history(400 * DAY).with_facts(amount=np.arange(late.fraud.shape[0]) % 5000)
    )
    return model, every.take(every.event_time >= AS_OF)


def card_of(model: TrainedModel, test: Dataset | None) -> ModelCard:
    metrics, parts = None, ()
    if test is not None:
        p = model.probability(test.X)
        metrics = evaluate(test, p, rng=np.random.default_rng(0), budget=Budget(20), resample=20)
        parts = segments(test, p, ["shop"] * len(test))
    return ModelCard.of(
        model, domain="shop", title="A shop", name="m", feature_set="default", metrics=metrics,
        segments=parts,
    )  # fmt: skip


def test_segments_cut_the_test_into_parts(made: tuple[TrainedModel, Dataset]) -> None:
    model, test = made
    p = model.probability(test.X)
    found = segments(test, p, [None, *["a"] * (len(test) - 1)])
    for by in ("amount", "time", "category"):
        assert sum(one.events for one in found if one.by == by) == len(test)
        assert sum(one.frauds for one in found if one.by == by) == test.frauds
    assert len([one for one in found if one.by == "amount"]) == 4
    night = next(one for one in found if one.name.startswith("night"))
    hour = test.event_time % DAY // HOUR
    mask = (hour >= 22) | (hour < 6)
    assert night.pr_auc == average_precision(test.y[mask], p[mask])
    alone = next(one for one in found if one.name == "(none)")
    assert alone.frauds < LEAST_FRAUDS
    assert alone.pr_auc is None


def test_a_card_tells_what_it_was_made_from(made: tuple[TrainedModel, Dataset]) -> None:
    model, test = made
    card = card_of(model, test)
    assert card.model["fingerprint"] == model.fingerprint
    assert card.model["as_of"].startswith("1970-03-02")
    assert card.model["share_known"] == model.share_known
    texts = card.texts()
    assert set(texts) == set(CARD_FILES.values())
    assert json.loads(texts["card.json"])["measured"]["figures"]["pr_auc"][0] > 0
    for text in (texts["card.md"], texts["card.html"]):
        assert model.fingerprint in text
        assert "maturity_weighted" in text
        assert "inverse share of labels known" in text
    assert texts == card_of(model, test).texts()


def test_limits_follow_from_the_facts(made: tuple[TrainedModel, Dataset]) -> None:
    model, test = made
    unmeasured = " ".join(card_of(model, None).limits)
    assert "was not measured" in unmeasured
    assert "Not measured." in card_of(model, None).texts()["card.md"]
    few = " ".join(card_of(model, test.take(np.flatnonzero(test.y == 0)[:50])).limits)
    assert "rest on 0 frauds" in few
    late = world(3, days=60, per_day=120, median=20.0)
    young = create_policy("naive").fit(late.history(AS_OF), "autoencoder", {"epochs": 1})
    said = " ".join(card_of(young, None).limits)
    assert "expected known when it was trained" in said
    assert "not exact SHAP values" in said
    assert "frauds only" in said


def test_a_bundle_covers_its_card(made: tuple[TrainedModel, Dataset], tmp_path: Path) -> None:
    model, test = made
    model.save(tmp_path / "m", texts=card_of(model, test).texts())
    assert TrainedModel.load(tmp_path / "m").policy == "maturity_weighted"
    card = ModelCard.read(tmp_path / "m")
    assert card.texts()["card.md"] == (tmp_path / "m" / "card.md").read_text()
    assert card.texts()["card.html"] == (tmp_path / "m" / "card.html").read_text()
    (tmp_path / "m" / "card.md").write_text("all is well")
    with pytest.raises(StateError, match=r"card\.md differs"):
        TrainedModel.load(tmp_path / "m")
    model.save(tmp_path / "old")
    with pytest.raises(StateError, match="has no readable card"):
        ModelCard.read(tmp_path / "old")


def test_a_card_shows_what_was_ruled_since(made: tuple[TrainedModel, Dataset]) -> None:
    card = card_of(made[0], None)
    ruled = card.texts([Ruling("2018-08-22T00:00:00+00:00", "rolled_back", "better: no")])
    for name in ("card.md", "card.html"):
        for part in ("2018-08-22T00:00:00+00:00", "rolled back", "better: no"):
            assert part in ruled[name]
        assert "Rulings" not in card.texts()[name]
