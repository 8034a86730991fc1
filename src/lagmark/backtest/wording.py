"""Figures of a backtest as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lagmark.backtest.figures import FIGURES
from lagmark.reports import number, percent

if TYPE_CHECKING:
    from lagmark.backtest.study import Study

__all__ = ["between", "excludes_zero", "figure_text", "shown", "signed", "unit_of"]


def shown(study: Study, name: str) -> str:
    """Name of a policy, marked where it is a reference and no way to work."""
    return f"{name} (reference)" if name == study.reference else name


def unit_of(figure: str) -> str:
    """Unit of a figure."""
    return FIGURES[figure].unit if figure in FIGURES else "ratio"


def figure_text(value: float | None, unit: str, digits: int = 1) -> str:
    """One value in its unit.

    Examples
    --------
    >>> figure_text(0.1234, "share"), figure_text(1234.5, "money"), figure_text(0.93, "ratio")
    ('12.3 %', '1,234', '0.930')
    """
    if unit == "share":
        return percent(value, digits)
    return number(value, 3 if unit == "ratio" else 0)


def signed(value: float | None, unit: str) -> str:
    """A difference with its sign; shares in percentage points.

    Examples
    --------
    >>> signed(0.052, "share"), signed(-3.0, "money")
    ('+5.2 pp', '−3')
    """
    if value is None:
        return figure_text(None, unit)
    text = f"{abs(value) * 100:.1f} pp" if unit == "share" else figure_text(abs(value), unit)
    return ("−" if value < 0 else "+") + text


def between(
    found: Mapping[str, float | None],
    figure: str,
    *,
    write: Callable[[float | None, str], str] = figure_text,
) -> str:
    """Value with its interval."""
    unit = unit_of(figure)
    text = write(found["value"], unit)
    if found["low"] is None or found["high"] is None:
        return text
    return f"{text} ({write(found['low'], unit)} to {write(found['high'], unit)})"


def excludes_zero(found: Mapping[str, float | None]) -> bool:
    """Whether the interval of a difference lies on one side of 0."""
    low, high = found["low"], found["high"]
    return low is not None and high is not None and (low > 0 or high < 0)
