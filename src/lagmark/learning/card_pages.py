"""The card of a model as Markdown and as a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lagmark.reports import Page, Section, Table, Text, Tile, count, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.learning.card import ModelCard
    from lagmark.ports.model_registry import Ruling

__all__ = ["card_markdown", "card_page"]

_FIGURES = ("figure", "value", "95 % interval")
_RULINGS = ("when", "ruling", "why")
_SEGMENTS = ("by", "part", "events", "frauds", "PR-AUC", "predicted / actual")


def card_markdown(card: ModelCard, rulings: Sequence[Ruling] = ()) -> str:
    """Markdown of a card and of what was ruled about its model; same card, same text."""
    parts = [f"# Model card: {card.name}\n", card.intended_use + "\n", "## Model and data\n"]
    parts.append(_grid(("what", "value"), _facts(card)))
    parts.append("## Figures\n")
    if card.measured:
        parts.append(_measured(card) + "\n")
        parts.append(_grid(_FIGURES, _figures(card)))
    else:
        parts.append("Not measured.\n")
    if card.segments:
        parts += ["## Segments\n", _grid(_SEGMENTS, _segments(card))]
    if rulings:
        parts += ["## Rulings\n", _grid(_RULINGS, _ruled(rulings))]
    parts += ["## Limits\n", "\n".join(f"- {limit}" for limit in card.limits) + "\n"]
    parts += ["## Features\n", ", ".join(f"`{name}`" for name in card.model["names"]) + "\n"]
    return "\n".join(parts)


def card_page(card: ModelCard, rulings: Sequence[Ruling] = ()) -> Page:
    """Page of a card and of what was ruled about its model."""
    figures = card.measured.get("figures", {})
    pr_auc, ratio = (figures.get(name, [None] * 3) for name in ("pr_auc", "calibration_ratio"))
    sections = [
        Section("Model and data", [Table(("what", "value"), _facts(card), "", "ll")]),
        Section(
            "Figures",
            [Text(_measured(card)), Table(_FIGURES, _figures(card), "", "lrr")]
            if card.measured
            else [Text("Not measured.")],
        ),
    ]
    if card.segments:
        sections.append(Section("Segments", [Table(_SEGMENTS, _segments(card), "", "llrrrr")]))
    if rulings:
        sections.append(Section("Rulings", [Table(_RULINGS, _ruled(rulings), "", "lll")]))
    sections += [
        Section("Limits", [Text(limit) for limit in card.limits]),
        Section("Features", [Text(", ".join(card.model["names"]))]),
    ]
    return Page(
        title=f"Model card: {card.name}",
        lead=card.intended_use,
        tiles=[
            Tile("PR-AUC", number(pr_auc[0], 3), _interval(pr_auc)),
            Tile("Predicted / actual", number(ratio[0], 2), _interval(ratio)),
            Tile("Labels known", percent(card.model["share_known"], 0), "of the final frauds"),
            Tile("Trained as of", str(card.model["as_of"])[:10], card.model["kind"]),
        ],
        sections=sections,
        footer="Intervals are 95 % bootstrap intervals. Instants are UTC.",
    )


def _measured(card: ModelCard) -> str:
    m = card.measured
    return (
        f"On {count(m['events'])} later events with {count(m['frauds'])} frauds, by labels known "
        f"{m['as_of']}; budget {m['alerts_per_day']} alerts a day."
    )


def _facts(card: ModelCard) -> list[tuple[str, str]]:
    m = card.model
    return [
        ("domain", card.domain),
        ("kind", m["kind"]),
        ("parameters", json.dumps(m["params"], sort_keys=True)),
        ("seed", str(m["seed"])),
        ("trained as of", m["as_of"]),
        ("events from", m["train_start"]),
        ("events to", m["train_end"]),
        ("examples", f"{count(m['train_events'])}, {count(m['train_frauds'])} of them frauds"),
        ("maturity policy", m["policy"] or "labels as they came"),
        ("final fraud labels expected known", percent(m["share_known"], 0)),
        ("calibration", m["calibration"]),
        ("reasons", "exact SHAP values" if m["exact_reasons"] else "shares that add up"),
        ("feature set", f"{card.feature_set}, {len(m['names'])} features"),
        ("contract", m["contract_hash"]),
        ("data fingerprint", m["fingerprint"]),
    ]


def _figures(card: ModelCard) -> list[tuple[str, str, str]]:
    return [
        (name.replace("_", " "), number(values[0], 4), _interval(values))
        for name, values in card.measured["figures"].items()
    ]


def _segments(card: ModelCard) -> list[tuple[str, ...]]:
    return [
        (
            one["by"],
            one["name"],
            count(one["events"]),
            count(one["frauds"]),
            number(one["pr_auc"], 3),
            number(one["calibration_ratio"], 2),
        )
        for one in card.segments
    ]


def _ruled(rulings: Sequence[Ruling]) -> list[tuple[str, str, str]]:
    return [(one.at, one.what.replace("_", " "), one.reason) for one in rulings]


def _interval(values: Sequence[float | None]) -> str:
    low, high = values[1], values[2]
    return "–" if low is None or high is None else f"{number(low, 3)} to {number(high, 3)}"


def _grid(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    def line(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(headers), line(["---"] * len(headers)), *map(line, rows)]) + "\n"
