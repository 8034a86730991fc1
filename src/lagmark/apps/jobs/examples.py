"""The examples of a fold: what to learn from, and what to be measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.learning import Dataset, KnownHistory, remove_known_compromised
from lagmark.learning.maturity.fixed_delay import FixedDelay
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.domains.domain import Domain
    from lagmark.features.backfill import Vectors
    from lagmark.learning import Fold
    from lagmark.schema.events import EventBatch

__all__ = ["categories_of", "examples_to_learn", "examples_to_test", "known_history"]


def examples_to_learn(
    fold: Fold,
    domain: Domain,
    batch: EventBatch,
    vectors: Vectors,
    *,
    by_id: bool = False,
    silence: str = "unknown",
) -> Dataset:
    """Examples of the training range by the labels known when the model is trained.

    Parameters
    ----------
    fold, domain, batch, vectors
        What to cut from.
    by_id
        Whether the rows are ordered by event id instead of by arrival.
    silence
        As for :func:`examples_to_test`, of events older than the fold's delay.
    """
    if silence == "honest":
        history = known_history(
            domain, batch, vectors, as_of=fold.as_of, start=fold.train_start, end=fold.train_end
        )
        return FixedDelay(fold.delay).examples(history)
    examples = Dataset.build(
        batch,
        vectors,
        as_of=fold.as_of,
        start=fold.train_start,
        end=fold.train_end,
        delay=fold.delay,
        **_domain_part(domain, vectors),
    )
    if not by_id:
        return examples
    return examples.take(batch.events["event_id"][examples.rows].arg_sort().to_numpy())


def examples_to_test(
    fold: Fold,
    domain: Domain,
    batch: EventBatch,
    vectors: Vectors,
    *,
    compromised_days: int | None,
    judged_at: int | None = None,
    silence: str = "unknown",
) -> Dataset:
    """Examples of the test range by the labels known when the model is judged.

    Parameters
    ----------
    fold, domain, batch, vectors
        What to cut from.
    compromised_days
        See :class:`lagmark.domains.domain.Evaluation`. It does not depend on the training range,
        so models that learn from different lengths of history are tested on the same events.
    judged_at
        Labels known by then are used, microseconds since 1970 UTC; one delay after the end of
        the test when ``None``.
    silence
        ``"honest"`` where labels are messages about suspected events: those of which nobody has
        spoken count as genuine then.
    """
    keep = None
    if compromised_days is not None and domain.subject is not None:
        keep = remove_known_compromised(
            batch,
            subject=domain.subject,
            start=fold.test_start,
            end=fold.test_end,
            since=fold.as_of - fold.delay - compromised_days * DAY,
            delay=fold.delay,
        )
    judged = fold.test_end + fold.delay if judged_at is None else judged_at
    if silence == "honest":
        history = known_history(
            domain, batch, vectors, as_of=judged, start=fold.test_start, end=fold.test_end
        )
        found = FixedDelay(0).examples(history)
        return found if keep is None else found.take(keep[found.rows])
    return Dataset.build(
        batch,
        vectors,
        as_of=judged,
        start=fold.test_start,
        end=fold.test_end,
        keep=keep,
        **_domain_part(domain, vectors),
    )


def known_history(
    domain: Domain, batch: EventBatch, vectors: Vectors, *, as_of: int, start: int, end: int
) -> KnownHistory:
    """Every event of a range with what was known of it at an instant, for a maturity policy.

    Parameters
    ----------
    domain, batch, vectors
        What to cut from.
    as_of, start, end
        Instant and half-open range of event times, microseconds since 1970 UTC.
    """
    return KnownHistory.build(
        batch, vectors, as_of=as_of, start=start, end=end, **_domain_part(domain, vectors)
    )


def categories_of(
    domain: Domain, batch: EventBatch, examples: Dataset
) -> Sequence[str | None] | None:
    """Category of each example; ``None`` if the domain has none."""
    if domain.category is None:
        return None
    return batch.events[domain.category][examples.rows].to_list()


def _domain_part(domain: Domain, vectors: Vectors) -> dict[str, Any]:
    return {
        "contract_hash": vectors.contract.hash,
        "subject": domain.subject,
        "amount": domain.amount,
        "amount_scale": domain.field_named(domain.amount).scale,
    }
