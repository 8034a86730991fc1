"""``lagmark domains``: what kinds of data there are, with their fields and features."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import JsonOption, examples, find_domain
from lagmark.apps.cli.output import Output

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet
    from lagmark.schema.fields import Field

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "domains",
        epilog=examples(
            "lagmark domains",
            "lagmark domains handbook",
            "lagmark domains ./mydomain.py --json",
        ),
    )(_domains)


def _domains(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One domain in detail: a name or a Python file."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the domains, or show one with its columns, rules and feature definitions.

    A domain says what the rows of a file are: which columns hold what, what they may hold, how
    late labels come, and which features are computed.
    """
    output = Output(json)
    if name is None:
        _all(output)
    else:
        _one(output, find_domain(name))


def _all(output: Output) -> None:
    from lagmark.domains.registry import DOMAINS

    described = [_summary(domain) for domain in DOMAINS.values()]

    def render() -> None:
        rows = [
            (
                d["name"],
                d["title"],
                ", ".join(d["fields"]),
                ", ".join(d["feature_sets"]),
                d["delay"],
            )
            for d in described
        ]
        output.table(("domain", "what", "fields", "feature sets", "label delay"), rows)
        output.line()
        output.line("`lagmark domains NAME` shows one in detail; your own: docs/own-domain.md")

    output.result({"domains": described}, render)


def _summary(domain: Domain) -> dict[str, Any]:
    from lagmark.schema.time import format_duration

    return {
        "name": domain.name,
        "title": domain.title,
        "fields": [field.name for field in domain.fields],
        "feature_sets": list(domain.feature_sets),
        "delay": format_duration(domain.label.delay) if domain.label else None,
        "subject": domain.subject,
        "amount": domain.amount,
    }


def _one(output: Output, domain: Domain) -> None:
    sets = {name: domain.feature_set(name) for name in domain.feature_sets}
    checks = [{"name": c.name, "text": c.text, "fatal": c.fatal} for c in domain.checks]
    payload = _summary(domain) | {
        "event_id": domain.event_id,
        "event_time": domain.event_time.source,
        "label": domain.label.source if domain.label else None,
        "fields": [_field(field) for field in domain.fields],
        "checks": checks,
        "feature_sets": [_feature_set(name, features) for name, features in sets.items()],
    }

    def render() -> None:
        output.line(f"{domain.name}: {domain.title}")
        output.line(f"  event id    {domain.event_id or 'row number'}")
        output.line(f"  event time  {domain.event_time.source}, zone {domain.event_time.zone}")
        if domain.label is not None:
            known = domain.label.known_at
            late = f"from {known.source}" if known else f"{payload['delay']} after the event"
            output.line(f"  label       {domain.label.source}, known {late}")
        output.line()
        headers = ("field", "column", "kind", "decimals", "range", "required", "known")
        output.table(headers, [_row(field) for field in domain.fields])
        if checks:
            rows = [(c.name, c.text, "dead letter" if c.fatal else "count") for c in domain.checks]
            output.line()
            output.table(("rule", "what it says", "a row against it"), rows)
        for name, features in sets.items():
            output.line()
            output.line(
                f"feature set {name}: {len(features.names)} features, "
                f"contract {features.contract.hash}"
            )
            defined = [(feature.label, _short(feature.spell())) for feature in features.features]
            output.line()
            output.table(("feature", "definition"), defined)

    output.result(payload, render)


def _field(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "column": field.column,
        "aliases": list(field.aliases),
        "kind": str(field.kind),
        "decimals": field.decimals,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "required": field.required,
        "known": str(field.known),
        "vocabulary": list(field.vocabulary),
    }


def _row(field: Field) -> tuple[object, ...]:
    low, high = field.minimum, field.maximum
    bounds = ", ".join(field.vocabulary)
    if low is not None and high is not None:
        bounds = f"{low:g} to {high:g}"
    elif low is not None:
        bounds = f"{low:g} or more"
    elif high is not None:
        bounds = f"{high:g} or less"
    decimals = field.decimals if field.scale > 1 else None
    known = str(field.known).replace("_", " ")
    return field.name, field.column, str(field.kind), decimals, bounds, field.required, known


def _short(definition: str) -> str:
    """The definition for people: durations with their units, what is left at its default unsaid.

    Examples
    --------
    >>> _short("Count(key='card', window=86400000000us, delay=0us, where=None)")
    "Count(key='card', window=1d)"
    """
    from lagmark.schema.time import format_duration

    text = re.sub(r", \w+=(None|0us)(?=[,)])", "", definition)
    return re.sub(r"(\d+)us", lambda found: format_duration(int(found[1])), text)


def _feature_set(name: str, features: FeatureSet) -> dict[str, Any]:
    return {
        "name": name,
        "contract": features.contract.hash,
        "features": [
            {"name": feature.label, "definition": feature.spell()} for feature in features.features
        ],
    }
