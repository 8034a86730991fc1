"""A nowcast and its revisions in the words of ``lagmark nowcast``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lagmark.apps.cli.output import Output
    from lagmark.monitoring.nowcast import Figure, Nowcast
    from lagmark.monitoring.nowcast.history import Revision

__all__ = ["moved_dict", "render_moved", "render_nowcast"]


def moved_dict(moved: list[Revision], metric: str, estimator: str) -> dict[str, Any]:
    """Record of published figures for JSON."""
    from dataclasses import asdict

    return {
        "command": "nowcast",
        "metric": metric,
        "estimator": estimator,
        "revisions": [asdict(one) for one in moved],
    }


def render_moved(output: Output, moved: list[Revision]) -> None:
    """Table of published figures."""
    if not moved:
        output.line("nothing was published of that yet")
        return
    rows = [
        (
            one.cohort,
            one.as_of[:19],
            *(
                f"{value:.5g}" if value is not None else "–"
                for value in (one.figure, one.low, one.high)
            ),
            "yes" if one.estimable else "no",
        )
        for one in moved
    ]
    output.table(("cohort", "as of", "figure", "low", "high", "estimable"), rows)


def render_nowcast(output: Output, found: Nowcast) -> None:
    """Tables of a nowcast."""
    from lagmark.monitoring.nowcast.page import NAMES
    from lagmark.reports import instant as told
    from lagmark.reports import number, percent

    output.line(f"as known at {told(found.as_of)}")
    alarm = found.alarm
    output.line(f"ALARM: {'; '.join(alarm.causes)}" if alarm.rings else "no alarm")
    for what, why in (("scores", alarm.doubts_scores), ("maturity", alarm.doubts_maturity)):
        if why:
            output.line(f"{what} not relied on: {why}")
    rows = []
    for span in found.spans:
        for name, text in NAMES.items():
            one = span.estimates[name]
            interval = f"{percent(one.rate_low)} to {percent(one.rate_high)}"
            rows.append(
                (
                    f"{span.from_age} to {span.to_age} days",
                    f"{percent(span.maturity, 0)}{'' if span.mature else ' (immature)'}",
                    text,
                    number(one.count, 1),
                    percent(one.rate),
                    interval if one.estimable else f"not estimable: {one.reason}",
                )
            )
    output.table(("cohorts", "maturity", "by", "frauds", "rate", "interval"), rows, "Fraud")
    lines = [
        (
            f"{part.from_age} to {part.to_age} days",
            text,
            *(_cell(figures[name]) for figures in (part.precision, part.recall, part.pr_auc)),
        )
        for part in found.performance
        for name, text in NAMES.items()
    ]
    if lines:
        headers = ("cohorts", "by", "precision", "recall", "PR-AUC")
        output.table(headers, lines, "The live model; (?) is not estimable")


def _cell(figure: Figure) -> str:
    from lagmark.reports import number

    ends = f" ({figure.low:.3f} to {figure.high:.3f})" if figure.estimable else " (?)"
    return f"{number(figure.value, 3)}{ends}"
