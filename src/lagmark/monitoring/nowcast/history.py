"""Every figure that was ever published, and how it moved as labels came in."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lagmark.atomic import replacing
from lagmark.errors import StateError
from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lagmark.monitoring.nowcast.result import Nowcast

__all__ = ["Revision", "RevisionHistory"]


@dataclass(frozen=True, slots=True)
class Revision:
    """One published figure.

    Parameters
    ----------
    as_of
        ISO instant it was asked from.
    cohort
        ISO date, or a range of ages in days such as ``"7-14"``.
    metric
        ``count``, ``rate``, ``value``, ``precision``, ``recall`` or ``pr_auc``.
    estimator
        Who said so.
    figure, low, high
        Figure and interval; ``None`` where there is none.
    estimable
        Whether it was to be believed.
    """

    as_of: str
    cohort: str
    metric: str
    estimator: str
    figure: float | None
    low: float | None
    high: float | None
    estimable: bool


class RevisionHistory:
    """Folder of published nowcasts, one JSON-lines file each; files are added, never changed.

    The name of a file holds the instant and a digest of its content: publishing the same nowcast
    again writes nothing, and one that differs (other settings, another model) stands beside it.

    Parameters
    ----------
    folder
        Where they are kept; made when something is published.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def publish(self, nowcast: Nowcast) -> Path:
        """Add all figures of a nowcast; the file is whole or not there.

        Returns
        -------
        pathlib.Path
            The file.
        """
        lines = [json.dumps(asdict(one), allow_nan=False) for one in _figures(nowcast)]
        text = "".join(f"{line}\n" for line in lines)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        instant = from_micros(nowcast.as_of).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / f"{instant}-{digest}.jsonl"
        if not path.exists():
            with replacing(path) as draft:
                draft.write_text(text, encoding="utf-8", newline="\n")
        return path

    def revisions(
        self,
        *,
        metric: str = "rate",
        estimator: str = "combined",
        cohort: str | None = None,
        as_of: int | None = None,
    ) -> list[Revision]:
        """Published figures by cohort, then by the instant they were asked from.

        Parameters
        ----------
        metric, estimator
            Which figures.
        cohort
            Of this cohort only; all days when ``None``.
        as_of
            Only figures asked from this instant (microseconds UTC) or an earlier one.

        Raises
        ------
        StateError
            If a file cannot be read.
        """
        last = None if as_of is None else from_micros(as_of).isoformat()
        found = [
            one
            for one in self._read()
            if one.metric == metric
            and one.estimator == estimator
            and (one.cohort == cohort if cohort else one.cohort[4:5] == "-")
        ]
        kept = [one for one in found if last is None or one.as_of <= last]
        return sorted(kept, key=lambda one: (one.cohort, one.as_of))

    def _read(self) -> Iterator[Revision]:
        for path in sorted(self.folder.glob("[!.]*.jsonl")):
            try:
                for line in path.read_text(encoding="utf-8").splitlines():
                    yield Revision(**json.loads(line))
            except (OSError, ValueError, TypeError) as problem:
                raise StateError(
                    f"published figures cannot be read ({type(problem).__name__})",
                    where=str(path),
                    hint="restore the file, or move it away to go on without it",
                ) from problem


def _figures(nowcast: Nowcast) -> Iterator[Revision]:
    instant = from_micros(nowcast.as_of).isoformat()
    cohorts: list[tuple[str, Any]] = [(one.day, one) for one in nowcast.cohorts]
    cohorts += [(f"{one.from_age}-{one.to_age}", one) for one in nowcast.spans]
    for name, cohort in cohorts:
        for estimator, one in cohort.estimates.items():
            for metric, figures in {
                "count": (one.count, one.low, one.high),
                "rate": (one.rate, one.rate_low, one.rate_high),
                "value": (one.value, one.value_low, one.value_high),
            }.items():
                yield _revision(instant, name, metric, estimator, figures, one.estimable)
    for part in nowcast.performance:
        for metric in ("precision", "recall", "pr_auc"):
            for estimator, one in getattr(part, metric).items():
                figures = (one.value, one.low, one.high)
                name = f"{part.from_age}-{part.to_age}"
                yield _revision(instant, name, metric, estimator, figures, one.estimable)


def _revision(
    instant: str,
    cohort: str,
    metric: str,
    estimator: str,
    figures: tuple[float, float, float],
    estimable: bool,
) -> Revision:
    figure, low, high = (value if math.isfinite(value) else None for value in figures)
    return Revision(instant, cohort, metric, estimator, figure, low, high, estimable)
