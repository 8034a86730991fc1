"""Self-contained HTML pages with inline plots, and the same figures as plain text."""

from __future__ import annotations

from lagmark.reports.curves import calibration_chart, precision_recall_chart, quantile_chart
from lagmark.reports.formats import count, duration, instant, number, percent
from lagmark.reports.page import Note, Page, Row, Section, Text, Tile
from lagmark.reports.plot import Plot, Series, Shade
from lagmark.reports.plots import bar_chart, histogram, horizontal_bar_chart, line_chart
from lagmark.reports.table import Cell, Table

__all__ = [
    "Cell",
    "Note",
    "Page",
    "Plot",
    "Row",
    "Section",
    "Series",
    "Shade",
    "Table",
    "Text",
    "Tile",
    "bar_chart",
    "calibration_chart",
    "count",
    "duration",
    "histogram",
    "horizontal_bar_chart",
    "instant",
    "line_chart",
    "number",
    "percent",
    "precision_recall_chart",
    "quantile_chart",
]
