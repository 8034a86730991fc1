"""``lagmark replay --to``: history sent to a running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lagmark.apps.cli.output import Output
    from lagmark.apps.jobs.send_history import Sent
    from lagmark.domains.domain import Domain
    from lagmark.schema.events import EventBatch

__all__ = ["send", "sent_lines"]


def send(
    output: Output,
    batch: EventBatch,
    domain: Domain,
    *,
    url: str,
    key: str,
    speed: float | None,
) -> None:
    """Send events and labels, and say what was answered.

    Parameters
    ----------
    output
        Where to say it.
    batch, domain, speed
        See :func:`lagmark.apps.jobs.send_history.send_history`.
    url, key
        The service.
    """
    from lagmark.apps.jobs.send_history import send_history
    from lagmark.client import Client

    with Client(url, key=key) as client:
        sent = send_history(client, batch, domain, reporter=output, speed=speed)

    def render() -> None:
        for line in sent_lines(sent):
            output.line(line)

    output.result({"command": "replay", "domain": domain.name, "to": url, **sent.as_dict()}, render)


def sent_lines(sent: Sent) -> list[str]:
    """The outcome for people."""
    rate = f" ({sent.events / sent.seconds:,.0f} a second)" if sent.seconds else ""
    actions = ", ".join(f"{count:,} {name}" for name, count in sorted(sent.actions.items()))
    lines = [f"{sent.events:,} events decided{rate}: {actions or 'none'}"]
    if sent.refused:
        lines.append(f"{sent.refused:,} events were refused")
    if sent.fallbacks:
        reasons = ", ".join(f"{count:,} {name}" for name, count in sorted(sent.fallbacks.items()))
        lines.append(f"rules answered alone for {reasons}")
    lines.append(
        f"{sent.labels:,} labels came in, {sent.frauds:,} of them fraud; {sent.caught:,} of those "
        "had not been let through"
    )
    return lines
