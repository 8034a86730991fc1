"""One report as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count
from pathlib import Path
from typing import Literal

from lagmark.atomic import replacing
from lagmark.errors import DataError
from lagmark.reports.plot import Plot
from lagmark.reports.style import STYLE
from lagmark.reports.table import Table

__all__ = ["Block", "Note", "Page", "Row", "Section", "Text", "Tile"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Inline style only: even a text that slipped through could load or run nothing."""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph that a reader must not miss."""

    text: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure.

    Parameters
    ----------
    label
        What it is.
    value
        The figure, formatted.
    hint
        What it is measured on.
    tone
        ``"fraud"`` sets it in the colour of fraud.
    """

    label: str
    value: str
    hint: str = ""
    tone: Literal["plain", "fraud"] = "plain"


@dataclass(frozen=True, slots=True)
class Row:
    """Plots or tables side by side, below each other on a narrow screen."""

    blocks: Sequence[Plot | Table]


Block = Text | Note | Table | Plot | Row


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with blocks below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """A report: title, lead, key figures and sections.

    Parameters
    ----------
    title
        Heading and title of the document.
    lead
        What the page says, in one or two sentences.
    sections
        The body.
    tiles
        Key figures under the lead.
    footer
        Where the figures come from.

    Examples
    --------
    >>> page = Page("A & B", "Two things.", [Section("First", [Text("1 < 2")])])
    >>> "<h1>A &amp; B</h1>" in page.html(), "1 &lt; 2" in page.html()
    (True, True)
    """

    title: str
    lead: str
    sections: Sequence[Section]
    tiles: Sequence[Tile] = ()
    footer: str = ""

    def html(self) -> str:
        """The document; same content, same text."""
        prefixes = (f"p{number}-" for number in count(1))
        body = "".join(
            f"<section><h2>{escape(section.title)}</h2>"
            + "".join(_block(block, prefixes) for block in section.blocks)
            + "</section>\n"
            for section in self.sections
        )
        tiles = "".join(_tile(tile) for tile in self.tiles)
        tiles = f'<dl class="tiles">{tiles}</dl>' if tiles else ""
        footer = f"<footer>{escape(self.footer)}</footer>" if self.footer else ""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
            f'<main>\n<header><h1>{escape(self.title)}</h1>\n<p class="lead">{escape(self.lead)}'
            f"</p></header>\n{tiles}\n{body}{footer}\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | Path) -> Path:
        """Write the document; a reader sees the old file or the whole new one.

        Parameters
        ----------
        path
            File to write; its folder is made if it is missing.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        DataError
            If it cannot be written.
        """
        target = Path(path)
        try:
            with replacing(target) as draft:
                draft.write_text(self.html(), encoding="utf-8", newline="\n")
        except OSError as error:
            raise DataError(
                f"the report cannot be written: {error.strerror}",
                where=str(target),
                hint="choose a file in a folder you may write to",
            ) from error
        return target


def _tile(tile: Tile) -> str:
    hint = f'<dd class="hint">{escape(tile.hint)}</dd>' if tile.hint else ""
    return (
        f'<div class="tile {tile.tone}"><dt>{escape(tile.label)}</dt>'
        f'<dd class="value">{escape(tile.value)}</dd>{hint}</div>'
    )


def _block(block: Block, prefixes: Iterator[str]) -> str:
    if isinstance(block, Text):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Note):
        return f'<p class="note" role="note">{escape(block.text)}</p>'
    if isinstance(block, Table):
        return f'<div class="tablecard">{block.html()}</div>'
    if isinstance(block, Plot):
        return block.html(next(prefixes))
    inner = "".join(_block(one, prefixes) for one in block.blocks)
    return f'<div class="row">{inner}</div>'
