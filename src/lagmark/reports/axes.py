"""What the axes of all plots have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lagmark.errors import DataError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["Format", "compact", "date_axis", "legend", "same_length", "scale"]

Format = Callable[[float], str]


def compact(value: float) -> str:
    """Number without trailing zeros, for axes."""
    return f"{value:,.12g}" if abs(value) < 1e6 else f"{value / 1e6:,.6g} M"


def scale(axis: Axis, write: Format, *, free: bool = True) -> None:
    """Light grid and a handful of written values; ``free`` if the axis is linear."""
    from matplotlib.ticker import MaxNLocator

    if free:
        axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(lambda value, _place: write(value))
    axis.grid(visible=True)
    axis.axes.spines["left"].set_visible(False)


def date_axis(axes: Axes) -> None:
    """Few dates, the year once."""
    from matplotlib import dates

    # Its constructors are the only untyped ones we call.
    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    years = ["", "%Y", "%Y", "%Y-%m-%d", "%Y-%m-%d", "%Y-%m-%d"]
    axes.xaxis.set_major_formatter(
        untyped.ConciseDateFormatter(locator, tz="UTC", offset_formats=years)
    )


def legend(axes: Axes, columns: int) -> None:
    """Names in one line above the plot, where no data are."""
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=1.4,
        columnspacing=1.4,
    )


def same_length(title: str, first: Sequence[object], second: Sequence[object]) -> None:
    """Refusal of plots whose parts do not fit together."""
    if len(first) != len(second) or not len(first):
        raise DataError(
            f"{len(first)} positions and {len(second)} values",
            where=f"plot {title!r}",
            hint="give one value per position, and at least one",
        )
