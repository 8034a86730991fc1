"""The examples of a fold: what to learn from, and what to be measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lagmark.learning import Dataset, remove_known_compromised
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from lagmark.domains.domain import Domain
    from lagmark.features.backfill import Vectors
    from lagmark.learning import Fold
    from lagmark.schema.events import EventBatch

__all__ = ["examples_to_learn", "examples_to_test"]


def examples_to_learn(
    fold: Fold, domain: Domain, batch: EventBatch, vectors: Vectors, *, by_id: bool = False
) -> Dataset:
    """Examples of the training range by the labels known when the model is trained.

    Parameters
    ----------
    fold, domain, batch, vectors
        What to cut from.
    by_id
        Whether the rows are ordered by event id instead of by arrival.
    """
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
    return Dataset.build(
        batch,
        vectors,
        as_of=fold.test_end + fold.delay if judged_at is None else judged_at,
        start=fold.test_start,
        end=fold.test_end,
        keep=keep,
        **_domain_part(domain, vectors),
    )


def _domain_part(domain: Domain, vectors: Vectors) -> dict[str, Any]:
    return {
        "contract_hash": vectors.contract.hash,
        "subject": domain.subject,
        "amount": domain.amount,
        "amount_scale": domain.field_named(domain.amount).scale,
    }
