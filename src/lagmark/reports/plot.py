"""A plot as inline SVG that follows the colours of the page around it."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lagmark.reports.table import Table

__all__ = ["COLORS", "Plot", "Series", "Shade", "Tone", "canvas", "to_svg"]

Tone = Literal["events", "fraud", "honest", "muted"]
"""What a colour means; equal on every page."""

COLORS: dict[str, str] = {
    "events": "#2f6c9e",
    "fraud": "#c24a1e",
    "honest": "#2d7d6b",
    "muted": "#8a8f98",
    "ink": "#1d2128",
    "soft": "#5b626d",
    "grid": "#dfe2e7",
}
"""Colours of the light scheme; in the SVG each becomes ``var(--name, colour)``."""

_LOCK = threading.Lock()
"""Matplotlib's settings are global; one plot is drawn at a time."""

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lagmark",
    "text.parse_math": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.edgecolor": COLORS["soft"],
    "axes.labelcolor": COLORS["soft"],
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlecolor": COLORS["ink"],
    "axes.titlelocation": "left",
    "xtick.color": COLORS["soft"],
    "ytick.color": COLORS["soft"],
    "xtick.major.width": 0.6,
    "ytick.major.size": 0.0,
    "grid.color": COLORS["grid"],
    "grid.linewidth": 0.6,
    "text.color": COLORS["ink"],
    "lines.linewidth": 1.4,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One named line or set of bars.

    Parameters
    ----------
    name
        Shown in the legend.
    values
        Shape (n,); NaN leaves a gap.
    tone
        What its colour means.
    at
        Positions on the other axis, shape (n,), where the chart has none in common.
    """

    name: str
    values: Sequence[float]
    tone: Tone = "events"
    at: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of the x axis that is set apart, with the reason."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Inline SVG with a title, a text that says what it shows, and its figures.

    Parameters
    ----------
    title
        Shown above the plot.
    description
        What a reader who does not see the plot should know.
    svg
        The drawing, from :func:`lagmark.reports.plot.to_svg`.
    data
        The figures behind it, folded below the plot.
    """

    title: str
    description: str
    svg: str
    data: Table | None = None

    def html(self, prefix: str) -> str:
        """Figure element; ids of the drawing get ``prefix``, so that a page may hold many."""
        drawing = re.sub(r'\bid="', f'id="{prefix}', self.svg)
        drawing = re.sub(r'(url\(#|href="#)', rf"\1{prefix}", drawing)
        width = re.search(r'viewBox="0 0 ([\d.]+)', self.svg)
        wide = ' class="wide"' if width and float(width[1]) > 500 else ""
        label = escape(f"{self.title}. {self.description}")
        drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        numbers = (
            f"<details><summary>Figures</summary>{self.data.html()}</details>" if self.data else ""
        )
        return (
            f"<figure{wide}><figcaption><h3>{escape(self.title)}</h3>"
            f"<p>{escape(self.description)}</p></figcaption>"
            f'<div class="scroll" tabindex="0" role="group">{drawing}</div>{numbers}</figure>'
        )


@contextmanager
def canvas(
    *, wide: bool = True, height: float = 2.6, panels: int = 1
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Figure of full or half page width with axes below each other, in the house settings.

    Parameters
    ----------
    wide
        Full width of the page; half of it otherwise.
    height
        Inches; a full page is 9.6 wide.
    panels
        Number of axes, sharing x.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with _LOCK, mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(9.6 if wide else 4.7, height), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
        yield figure, list(axes)


def to_svg(figure: Figure) -> str:
    """Drawing as an ``svg`` element for an HTML page: same figure, same bytes, no address."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg ") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\s(?:xmlns(?::xlink)?|version)="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r'<svg\b[^>]*?(\sviewBox="[^"]*")[^>]*>', r"<svg\1>", text, count=1)
    # Laid out in a wide face, shown in the page's own, which is narrower: nothing overlaps.
    text = re.sub(r"\bfont-family: [^;\"]*;?\s?", "", text)
    text = re.sub(r"(\bfont: [^;\"]*?px) [^;\"]*", r"\1 system-ui, sans-serif", text)
    text = re.sub(r"\n\s*", "\n", text)
    for name, color in COLORS.items():
        text = text.replace(color, f"var(--{name}, {color})")
    return text
