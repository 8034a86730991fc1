"""Bars, lines and histograms: each takes plain figures and returns a :class:`Plot`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from lagmark.reports.axes import Format, compact, date_axis, legend, same_length, scale
from lagmark.reports.formats import number
from lagmark.reports.plot import COLORS, Plot, Series, Shade, Tone, canvas, to_svg
from lagmark.reports.table import Table

__all__ = [
    "bar_chart",
    "histogram",
    "horizontal_bar_chart",
    "line_chart",
]


def bar_chart(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    description: str,
    tone: Tone = "events",
    write: Format = compact,
    label_name: str = "",
    wide: bool = False,
) -> Plot:
    """Upright bars, one per label.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    labels, values
        Shape (n,).
    tone
        What the colour means.
    write
        Turns a value into the text of an axis or table.
    label_name
        What the labels are; heads the figures, and stands below upright bars.
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    same_length(title, labels, values)
    with canvas(wide=wide, height=2.3) as (figure, (axes,)):
        axes.bar(range(len(values)), values, width=0.72, color=COLORS[tone])
        step = -(-len(labels) // (24 if wide else 12))
        ticks = range(0, len(labels), step)
        axes.set_xticks(list(ticks), [labels[tick] for tick in ticks])
        axes.set_xlabel(label_name)
        axes.set_xlim(-0.6, len(values) - 0.4)
        scale(axes.yaxis, write)
        axes.set_ylim(bottom=0)
        svg = to_svg(figure)
    return Plot(title, description, svg, _bars_table(title, labels, values, label_name, write))


def horizontal_bar_chart(
    title: str,
    labels: Sequence[str],
    values: Sequence[float],
    *,
    description: str,
    tone: Tone = "events",
    write: Format = compact,
    label_name: str = "",
    wide: bool = False,
) -> Plot:
    """Lying bars with their values written at the end, the first label on top.

    Parameters and errors as for :func:`bar_chart`.
    """
    same_length(title, labels, values)
    with canvas(wide=wide, height=max(1.1, 0.5 + 0.24 * len(labels))) as (figure, (axes,)):
        bars = axes.barh(range(len(values)), values, height=0.68, color=COLORS[tone])
        axes.bar_label(bars, [write(value) for value in values], padding=3, color=COLORS["soft"])
        axes.set_yticks(range(len(labels)), [_short(label) for label in labels])
        axes.tick_params(axis="y", labelcolor=COLORS["ink"])
        axes.set_ylim(len(values) - 0.4, -0.6)
        axes.set_xlim(0, max([*values, 0.0]) * 1.18 or 1.0)
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        svg = to_svg(figure)
    return Plot(title, description, svg, _bars_table(title, labels, values, label_name, write))


def line_chart(
    title: str,
    x: Sequence[float],
    series: Sequence[Series],
    *,
    description: str,
    dates: bool = False,
    separate: bool = False,
    shade: Shade | None = None,
    write: Sequence[Format] = (),
    xlabel: str = "",
    data: Table | None = None,
    wide: bool = True,
) -> Plot:
    """Lines over a common x axis, in one panel or in one panel each.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    x
        Shape (n,), increasing; days since 1970 when ``dates``.
    series
        Lines with ``values`` of shape (n,).
    separate
        One panel per series, each with its own scale, instead of one for all.
    shade
        Stretch of x to set apart.
    write
        Text of an axis value, one per panel.
    xlabel
        What x is.
    data
        The figures behind it.
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    for line in series:
        same_length(title, x, line.values)
    same_length(title, series, series)
    panels = len(series) if separate else 1
    formats = list(write) or [compact] * panels
    with canvas(
        wide=wide, height=0.6 + 1.25 * panels + (0 if separate else 0.9), panels=panels
    ) as (
        figure,
        axes,
    ):
        for index, line in enumerate(series):
            panel = axes[index if separate else 0]
            mark = "o" if len(x) < 3 else None
            panel.plot(
                x, line.values, color=COLORS[line.tone], label=line.name, marker=mark, markersize=3
            )
            if separate:
                panel.set_title(line.name, color=COLORS[line.tone])
        for panel, text in zip(axes, formats, strict=True):
            scale(panel.yaxis, text)
            low, high = panel.dataLim.intervaly
            # Limits are infinite while nothing but gaps was drawn.
            panel.set_ylim(min(0.0, low), high * 1.1 if 0 < high < math.inf else 1.0)
            panel.margins(x=0.01)
            if shade is not None:
                panel.axvspan(shade.start, shade.end, color=COLORS["muted"], alpha=0.16, lw=0)
        if shade is not None:
            axes[0].annotate(
                shade.text,
                (shade.end, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 3),
                textcoords="offset points",
                ha="right",
                color=COLORS["soft"],
            )
        if dates:
            date_axis(axes[-1])
        else:
            axes[-1].set_xlabel(xlabel)
        if not separate and len(series) > 1:
            legend(axes[0], len(series))
        svg = to_svg(figure)
    return Plot(title, description, svg, data)


def histogram(
    title: str,
    edges: Sequence[float],
    series: Sequence[Series],
    *,
    description: str,
    log: bool = False,
    xlabel: str = "",
    write: Format = compact,
    wide: bool = True,
) -> Plot:
    """Filled steps over bins.

    Parameters
    ----------
    title, description
        See :class:`Plot`.
    edges
        Shape (bins + 1,), increasing; positive when ``log``.
    series
        Heights of shape (bins,), counts or shares.
    log
        Logarithmic x axis.
    xlabel
        What is binned.
    write
        Text of a height.
    wide
        Full width of the page.

    Raises
    ------
    DataError
        If there is nothing to plot, or shapes differ.
    """
    for line in series:
        same_length(title, edges[1:], line.values)
    with canvas(wide=wide, height=2.5) as (figure, (axes,)):
        for line in series:
            color = COLORS[line.tone]
            axes.stairs(line.values, edges, fill=True, color=color, alpha=0.16, lw=0)
            axes.stairs(line.values, edges, color=color, label=line.name, lw=1.4)
        if log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _place: compact(value))
            axes.xaxis.set_minor_formatter("")
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel(xlabel)
        scale(axes.yaxis, write)
        axes.set_ylim(bottom=0)
        legend(axes, len(series))
        svg = to_svg(figure)
    rows = [
        (f"{number(low)} to {number(high)}", *(write(line.values[i]) for line in series))
        for i, (low, high) in enumerate(pairwise(edges))
    ]
    data = Table((xlabel or "bin", *(line.name for line in series)), rows, title)
    return Plot(title, description, svg, data)


def _bars_table(
    title: str, labels: Sequence[str], values: Sequence[float], label_name: str, write: Format
) -> Table:
    rows = [(label, write(value)) for label, value in zip(labels, values, strict=True)]
    return Table((label_name or "", "value"), rows, title)


def _short(label: str, limit: int = 28) -> str:
    return label if len(label) <= limit else f"{label[: limit - 1]}…"
