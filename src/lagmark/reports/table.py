"""Tables: the same rows as HTML and as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lagmark.errors import DataError
from lagmark.reports.formats import ABSENT, count, number

__all__ = ["Cell", "Table"]

Cell = str | int | float | None
"""One value of a table: text as it stands, numbers formatted, ``None`` as a dash."""


@dataclass(frozen=True, slots=True)
class Table:
    r"""Rows of cells under headers; the first column heads its row.

    Parameters
    ----------
    headers
        One per column.
    rows
        Cells, as many per row as there are headers.
    caption
        What the table shows.
    align
        One letter per column, ``l`` or ``r``; by default the first column is ``l`` and the
        others are ``r``.
    marked
        Numbers of the rows to set apart (young cohorts, say).

    Raises
    ------
    DataError
        If a row or ``align`` does not fit the headers.

    Examples
    --------
    >>> print("\n".join(Table(("day", "events"), [("Monday", 1200)]).lines()))
    day     events
    ------  ------
    Monday   1,200
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    align: str = ""
    marked: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        width = len(self.headers)
        if self.align and (len(self.align) != width or set(self.align) - set("lr")):
            raise DataError(
                f"align={self.align!r} does not fit {width} columns",
                where=f"table {self.caption!r}",
                hint="give one letter, l or r, per column",
            )
        for index, row in enumerate(self.rows):
            if len(row) != width:
                raise DataError(
                    f"row {index} has {len(row)} cells for {width} columns",
                    where=f"table {self.caption!r}",
                )

    @property
    def alignment(self) -> str:
        """One letter per column."""
        return self.align or "l" + "r" * (len(self.headers) - 1)

    def html(self) -> str:
        """Table element with scoped headers; every text is escaped."""
        sides = ["num" if side == "r" else "txt" for side in self.alignment]
        head = "".join(
            f'<th scope="col" class="{side}">{escape(text)}</th>'
            for text, side in zip(self.headers, sides, strict=True)
        )
        body = "".join(self._row_html(index, row, sides) for index, row in enumerate(self.rows))
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        label = escape(self.caption or "Table")
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
            f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _row_html(self, index: int, row: Sequence[Cell], sides: list[str]) -> str:
        cells = [escape(_text(cell)) for cell in row]
        first = f'<th scope="row" class="{sides[0]}">{cells[0]}</th>'
        rest = "".join(
            f'<td class="{side}">{cell}</td>'
            for cell, side in zip(cells[1:], sides[1:], strict=True)
        )
        opening = '<tr class="marked">' if index in self.marked else "<tr>"
        return f"{opening}{first}{rest}</tr>"

    def lines(self) -> list[str]:
        """Plain text, one line per row, columns padded."""
        body = [[_text(cell) for cell in row] for row in self.rows]
        grid = [list(self.headers), *body]
        widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
        grid.insert(1, ["-" * width for width in widths])
        return [
            "  ".join(
                cell.rjust(width) if side == "r" else cell.ljust(width)
                for cell, width, side in zip(row, widths, self.alignment, strict=True)
            ).rstrip()
            for row in grid
        ]


def _text(cell: Cell) -> str:
    if cell is None:
        return ABSENT
    if isinstance(cell, str):
        return cell
    return count(cell) if isinstance(cell, int) else number(cell)
