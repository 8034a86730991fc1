"""Curves over shares: quantiles, precision and recall, calibration."""

from __future__ import annotations

from collections.abc import Sequence

from lagmark.reports.axes import compact, legend, same_length, scale
from lagmark.reports.plot import COLORS, Plot, Series, canvas, to_svg

__all__ = ["calibration_chart", "precision_recall_chart", "quantile_chart"]


def quantile_chart(
    title: str,
    levels: Sequence[float],
    series: Sequence[Series],
    *,
    description: str,
    log: bool = False,
    ylabel: str = "",
    wide: bool = False,
) -> Plot:
    """Values against the share of cases at or below them.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    levels
        Shape (n,), shares in [0, 1], increasing.
    series
        Quantiles at those levels.
    log
        Logarithmic value axis; values must be positive to be seen.
    ylabel
        What the values are.
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    from matplotlib.ticker import LogLocator

    for line in series:
        same_length(title, levels, line.values)
    with canvas(wide=wide, height=2.6) as (figure, (axes,)):
        for line in series:
            axes.plot(levels, line.values, color=COLORS[line.tone], label=line.name)
        if log:
            axes.set_yscale("log")
            low, high = axes.get_ylim()
            # Within two decades, powers of ten alone would leave the axis almost bare.
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
            axes.minorticks_off()
        scale(axes.yaxis, compact, free=not log)
        axes.xaxis.set_major_formatter(lambda value, _place: f"{value:.0%}")
        axes.set_xlabel("share of cases at or below")
        axes.set_ylabel(ylabel)
        legend(axes, len(series))
        svg = to_svg(figure)
    return Plot(title, description, svg)


def precision_recall_chart(
    title: str, curves: Sequence[Series], *, base_rate: float, description: str, wide: bool = False
) -> Plot:
    """Precision (``values``) against recall (``at``), with the rate that guessing reaches.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    curves
        Points ordered by recall, both in [0, 1].
    base_rate
        Share of frauds.
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    guess = Series("guessing", (base_rate, base_rate), "muted", (0.0, 1.0))
    return _unit_square(
        title, [*curves, guess], "recall", "precision", description, wide, step=True
    )


def calibration_chart(
    title: str, curves: Sequence[Series], *, description: str, wide: bool = False
) -> Plot:
    """Observed fraud rate (``values``) against mean predicted probability (``at``), per bin.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    curves
        Bins ordered by prediction, both in [0, 1].
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    perfect = Series("perfect", (0.0, 1.0), "muted", (0.0, 1.0))
    return _unit_square(
        title, [*curves, perfect], "predicted probability", "observed rate", description, wide
    )


def _unit_square(
    title: str,
    curves: Sequence[Series],
    xlabel: str,
    ylabel: str,
    description: str,
    wide: bool,
    *,
    step: bool = False,
) -> Plot:
    """Curves in the unit square; the last one is the reference, dashed."""
    for curve in curves:
        same_length(title, curve.at, curve.values)
    reference = len(curves) - 1
    with canvas(wide=wide, height=3.0) as (figure, (axes,)):
        for index, curve in enumerate(curves):
            known = index != reference
            axes.plot(
                curve.at,
                curve.values,
                color=COLORS[curve.tone],
                label=curve.name,
                linestyle="-" if known else (0, (4, 3)),
                drawstyle="steps-post" if step and known else "default",
                marker="o" if known and not step else None,
                markersize=3.5,
            )
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=xlabel, ylabel=ylabel)
        scale(axes.yaxis, compact)
        legend(axes, len(curves))
        svg = to_svg(figure)
    return Plot(title, description, svg)
