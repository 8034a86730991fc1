"""What a backtest allows to conclude, and what it does not, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.backtest.figures import FIGURES
from lagmark.backtest.wording import between, excludes_zero, shown, signed, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.backtest.study import Study

__all__ = ["conclusions", "limits"]

_SOUND = (0.9, 1.1)
"""Predicted over actual that counts as calibrated."""


def conclusions(study: Study) -> list[str]:
    """Sentences about what was found, no stronger than the intervals allow."""
    texts = [_against(study, figure) for figure in ("caught_share", "net_cost", "card_precision")]
    texts += [_calibrated(study), *_for_labels(study)]
    if {"pooled", "feedback_delayed"} <= set(study.candidates):
        found = study.difference("pooled", "feedback_delayed", "card_precision")
        told = "is more precise than" if (found["value"] or 0) > 0 else "is no more precise than"
        texts.append(
            f"The pair of feedback and delayed classifier {told} pooling: "
            f"{between(found, 'card_precision', write=signed)} of card precision"
            f"{'' if excludes_zero(found) else ', which may be chance'}."
        )
    return [text for text in texts if text]


def _against(study: Study, figure: str) -> str:
    kind = FIGURES[figure]
    base, *others = study.candidates
    if not others:
        return ""
    better: list[str] = []
    worse: list[str] = []
    for name in others:
        found = study.difference(base, name, figure)
        if excludes_zero(found):
            gain = (found["value"] or 0) > 0
            told = f"{name} ({between(found, figure, write=signed)})"
            (better if gain == (kind.better == "more") else worse).append(told)
    title = kind.title.replace("@k", f"@{study.evaluated['k']}")
    if not better and not worse:
        widest = max((_half(study, base, name, figure) for name in others), default=0.0)
        if widest == 0.0:
            return f"In {title}, the policies are equal."
        shown = signed(widest, unit_of(figure)).removeprefix("+")
        return (
            f"In {title}, no policy differs from {base} by more than chance explains; differences "
            f"below about {shown} could not be seen here."
        )
    parts = []
    if better:
        parts.append(f"better than {base}: {'; '.join(better)}")
    if worse:
        parts.append(f"worse than {base}: {'; '.join(worse)}")
    return f"In {title}, {', and '.join(parts)}; the others do not differ from it for sure."


def _half(study: Study, a: str, b: str, figure: str) -> float:
    found = study.difference(a, b, figure)
    if found["low"] is None or found["high"] is None:
        return 0.0
    return (found["high"] - found["low"]) / 2


def _calibrated(study: Study) -> str:
    sound: list[str] = []
    off: list[str] = []
    for name in study.candidates:
        found: Mapping[str, Any] = study.policies[name]["figures"]["calibration"]
        if found["value"] is not None:
            inside = _SOUND[0] <= found["value"] <= _SOUND[1]
            (sound if inside else off).append(f"{name}, {between(found, 'calibration')}")
    text = f"Predicted over actual frauds lies within {_SOUND[0]:.2f} to {_SOUND[1]:.2f} for "
    text += "; ".join(sound) if sound else "no policy"
    return text + (f". It lies outside for {'; '.join(off)}." if off else ".")


def _for_labels(study: Study) -> list[str]:
    """What a model that is taught the truth makes of the same days."""
    reference = study.reference
    if reference is None:
        return []
    own = {
        figure: between(study.policies[reference]["figures"][figure], figure)
        for figure in ("calibration", "caught_share")
    }
    relative, lost = [], []
    for name in study.candidates:
        quotient = study.policies[name]["relative_calibration"]
        if quotient is not None:
            relative.append(f"{name} {between(quotient, 'calibration')}")
        found = study.difference(reference, name, "caught_share")
        lost.append(f"{name} {between(found, 'caught_share', write=signed)}")
    title = shown(study, reference)
    level = (
        f"Taught the truth, {title} has {own['calibration']} predicted over actual: what that is "
        "off by is due to model, drift and few frauds. What is due to labels, the same divided by "
        f"that of the reference: {'; '.join(relative)}."
    )
    value = (
        f"Of fraud value {title} catches {own['caught_share']}. Due to labels, beside that: "
        f"{'; '.join(lost)}."
    )
    return [level, value]


def limits(study: Study) -> list[str]:
    """Sentences about what the study cannot say."""
    texts = []
    if study.source["kind"] == "scenario":
        texts.append(
            "The world is simulated. Orders of policies carry over to real payments as far as the "
            "label delays, the errors of analysts and the hiding of fraudsters do; levels do not."
        )
    else:
        texts.append(
            "The events are of one file: nobody in it reacts to what is decided, the label stands "
            "in for the analyst, and every fraud is labelled in the end."
        )
    texts.append(
        "Confirming a fraud does not stop the card here: later frauds on it happen all the same, "
        "and are counted."
    )
    texts.append(
        "The cost curve takes the scores as they were. With more analysts there would also have "
        "been more feedback, and so other models."
    )
    if study.reference is not None:
        texts.append(
            f"{shown(study, study.reference)} learns from what really was, the moment it happens; "
            + (
                "the labels of the file stand for that, without their delay. "
                if study.source["kind"] == "events"
                else "nobody has such labels. "
            )
            + "Its features know no more than those of the others. It is a bound in the long run "
            "and not on every seed: its model alerts other payments, and luck is in each."
        )
        texts += _more_than_labels(study, study.reference)
    if len(study.seeds) < 5:
        texts.append(
            f"{len(study.seeds)} {'seeds give' if len(study.seeds) > 1 else 'seed gives'} rough "
            "intervals: more seeds would narrow them."
        )
    ever = study.label_delay["ever"]
    if ever < 0.99:
        texts.append(
            f"Customers and banks never speak of {1 - ever:.0%} of the frauds. Only policies that "
            "weigh by maturity make up for them, by what analysts found and nobody reported, which "
            "supposes, as is so here, that an analyst's verdict keeps nobody from reporting. The "
            "probabilities of the others stay too low by about that share."
        )
    return texts


def _more_than_labels(study: Study, reference: str) -> list[str]:
    """In what else the reference differs from the others."""
    own = study.policies[reference]["settings"]
    others = [study.policies[name]["settings"] for name in study.candidates]
    names = [
        name
        for name in own
        if name not in ("name", "maturity") and any(other[name] != own[name] for other in others)
    ]
    if not names:
        return []
    told = f"The reference and the others differ in more than labels ({', '.join(names)}): what is "
    return [told + "said to be due to labels is due to that as well."]
