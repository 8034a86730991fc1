"""The card of a model: what it was made from, how well it does, where it must not be trusted."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lagmark.errors import StateError
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lagmark.learning.bundle import TrainedModel
    from lagmark.learning.metrics.evaluate import Metrics
    from lagmark.learning.segments import Segment
    from lagmark.ports.model_registry import Ruling

__all__ = ["CARD_FILES", "ModelCard"]

CARD_FILES = {"json": "card.json", "md": "card.md", "html": "card.html"}
"""Files of the card in a bundle, by format."""

_ASSUMES = {
    "": "Examples were events with a label known at as_of; silent events taught it nothing.",
    "naive": "Events of which nobody had spoken were taken as genuine however young they were: "
    "the probabilities are too low by about the share of labels that was still out.",
    "fixed_delay": "Events younger than the delay taught it nothing; older silent ones were taken "
    "as genuine, so frauds reported later than that count against it.",
    "maturity_weighted": "Known frauds were weighted by the inverse share of labels known at their "
    "age. That supposes that the delays of today are those of the past.",
    "feedback_delayed": "A classifier of analysts' feedback and one of delayed labels are "
    "averaged in log-odds. Feedback speaks of alerted events only.",
    "positive_unlabelled": "Silent events were taught as frauds in part, by the share of labels "
    "still out at their age. That supposes that which fraud is labelled by now depends on its "
    "age alone.",
}
_FEW = 100
_OPEN = 0.9


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a reader must know before trusting a model.

    Parameters
    ----------
    domain, name, feature_set
        Where it belongs.
    model
        Facts of the model: kind, parameters, contract hash, fingerprint, ``as_of``, training
        range and size, maturity policy, share of labels known.
    measured
        ``as_of``, ``events``, ``frauds`` and ``figures`` (name to value, low, high) of its test;
        empty if it was not measured.
    segments
        Figures by part of the test.
    intended_use
        What it is for.
    limits
        Where it must not be trusted.
    """

    domain: str
    name: str
    feature_set: str
    model: Mapping[str, Any]
    measured: Mapping[str, Any] = field(default_factory=dict)
    segments: Sequence[Mapping[str, Any]] = ()
    intended_use: str = ""
    limits: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        model: TrainedModel,
        *,
        domain: str,
        title: str,
        name: str,
        feature_set: str,
        metrics: Metrics | None = None,
        segments: Sequence[Segment] = (),
        caveats: Sequence[str] = (),
    ) -> ModelCard:
        """Card of a trained model.

        Parameters
        ----------
        model
            The model.
        domain, title, name, feature_set
            Domain and its title, name of the run, and feature set.
        metrics, segments
            Figures on later events, if it was measured.
        caveats
            Further limits to tell.
        """
        measured: dict[str, Any] = {}
        if metrics is not None:
            measured = {
                "as_of": from_micros(metrics.as_of).isoformat(),
                "events": metrics.events,
                "frauds": metrics.frauds,
                "alerts_per_day": metrics.budget.per_day,
                "figures": {
                    key: [one.value, one.low, one.high] for key, one in metrics.estimates.items()
                },
            }
        return cls(
            domain=domain,
            name=name,
            feature_set=feature_set,
            model=_facts(model),
            measured=measured,
            segments=[one.as_dict() for one in segments],
            intended_use=f"To rank and score events of the domain '{domain}' ({title}) for review "
            "by people, and for rules with a threshold. Features must be those of the contract "
            "below. It says how likely an event is fraud, nothing else about a person.",
            limits=[*_limits(model, metrics), *caveats],
        )

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def read(cls, bundle: Path) -> Self:
        """Card of a bundle.

        Raises
        ------
        StateError
            If the bundle has none, or one of other fields: it was stored by another version.
        """
        path = bundle / CARD_FILES["json"]
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise StateError(
                "this model has no readable card", where=str(path), hint="train it again"
            ) from error

    def texts(self, rulings: Sequence[Ruling] = ()) -> dict[str, str]:
        """The card as the files of a bundle, by name.

        Parameters
        ----------
        rulings
            What a registry has ruled about the model since; the JSON, which is the stored record,
            leaves them out.
        """
        from lagmark.learning.card_pages import card_markdown, card_page

        return {
            CARD_FILES["json"]: json.dumps(self.as_dict(), indent=1) + "\n",
            CARD_FILES["md"]: card_markdown(self, rulings),
            CARD_FILES["html"]: card_page(self, rulings).html(),
        }


def _facts(model: TrainedModel) -> dict[str, Any]:
    facts = model.facts()
    kept = ("kind", "params", "names", "contract_hash", "fingerprint", "seed", "train_events",
            "train_frauds", "calibration", "policy", "share_known")  # fmt: skip
    return {
        "as_of": facts["as_of_text"],
        "train_start": from_micros(model.train_start).isoformat(),
        "train_end": from_micros(model.train_end).isoformat(),
        **{name: facts[name] for name in kept},
        "exact_reasons": bool(getattr(model.model, "exact", model.kind != "autoencoder")),
    }


def _limits(model: TrainedModel, metrics: Metrics | None) -> list[str]:
    said = [_ASSUMES.get(model.policy, f"Examples were chosen by the policy {model.policy}.")]
    if model.share_known is None:
        said.append("How many of the final fraud labels were known when it was trained was not "
                    "estimated.")  # fmt: skip
    elif model.share_known < _OPEN:
        said.append(f"Only {model.share_known:.0%} of the final fraud labels of its examples were "
                    "expected known when it was trained.")  # fmt: skip
    if model.train_frauds < _FEW:
        said.append(f"It saw {model.train_frauds} frauds only.")
    if metrics is None:
        said.append("It was not measured on later events: nobody knows how well it does.")
    elif metrics.frauds < _FEW:
        said.append(f"Its figures rest on {metrics.frauds} frauds: mind the intervals.")
    said.append("Blocked events get no label; figures on what was let through say nothing of them.")
    if not getattr(model.model, "exact", model.kind != "autoencoder"):
        said.append("Its reasons add up to the score but are not exact SHAP values.")
    return said
