"""``python -m benchmarks``: what the feature engine costs, beside its peers."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data, machine, maturity, memory, nowcast, scoring, service
from benchmarks.features import sixty, twelve
from benchmarks.flat import flat
from benchmarks.online import online
from benchmarks.results import as_json, as_text, heading

if TYPE_CHECKING:
    from benchmarks.results import Section

EXAMPLES = """examples:
  python -m benchmarks                                  everything, generated payments
  python -m benchmarks features --events handbook.parquet --repeats 7
  python -m benchmarks online --json --out online.json
  python -m benchmarks maturity --seeds 8              maturity policies, see docs/learning.md
  python -m benchmarks nowcast --seeds 5               simulated worlds, see docs/nowcast.md
  python -m benchmarks memory                          the service over a million requests
  python -m benchmarks scoring                         scores and reasons, see docs/scoring.md
  python -m benchmarks service --repeats 3             the decision service beside other stacks
"""


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", nargs="?", default="all", choices=("features", "online", "flat", "all")
    )
    parser.add_argument(
        "--events", type=Path, help="Parquet file with the handbook's columns; else generated"
    )
    parser.add_argument("--rows", type=int, help="only the first so many payments")
    parser.add_argument("--repeats", type=int, default=5, help="interleaved repeats (default 5)")
    parser.add_argument(
        "--handbook-share",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="share of entities that the handbook's own pandas runs on (default 0.1; 1 is all)",
    )
    parser.add_argument(
        "--year-rows", type=int, default=1_200_000, help="events of the long year of `flat`"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="also write the JSON document to a file")
    arguments = parser.parse_args(argv)
    if arguments.repeats < 1 or not 0 < arguments.handbook_share <= 1:
        parser.error("--repeats must be at least 1 and --handbook-share within (0, 1]")
    for name, least in (("rows", 1_000), ("year_rows", 10_000)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            parser.error(f"--{name.replace('_', '-')} must be at least {least}")
    if arguments.events is not None and not arguments.events.is_file():
        parser.error(f"there is no file {arguments.events}")
    return arguments


def _measure(arguments: argparse.Namespace, folder: Path) -> Iterator[Section]:
    what, repeats = arguments.what, arguments.repeats
    if what in {"features", "online", "all"}:
        table = data.payments(arguments.events, arguments.rows)
        table.write_parquet(folder / data.TABLE)
        rows = table.height
        del table
        if what in {"features", "all"}:
            yield twelve(folder, repeats=repeats, share=arguments.handbook_share)
            yield sixty(folder, repeats=max(1, repeats // 2))
        if what in {"online", "all"}:
            yield from online(folder, rows=rows, repeats=repeats)
    if what in {"flat", "all"}:
        data.long_year(arguments.year_rows).write_parquet(folder / data.TABLE)
        timed = arguments.year_rows // 12
        yield from flat(folder, repeats=min(3, repeats), timed=timed, each=True)


def main(argv: list[str] | None = None) -> int:
    """Measure, print and say whether all targets are met (exit status 0) or not (1)."""
    given = sys.argv[1:] if argv is None else argv
    for module in (maturity, memory, nowcast, scoring, service):
        if given[:1] == [module.__name__.rpartition(".")[2]]:
            return module.main(given[1:])
    arguments = _arguments(argv)
    facts = machine.facts()
    sections: list[Section] = []
    if not arguments.json:
        print(heading(facts), end="", flush=True)
    with tempfile.TemporaryDirectory(prefix="lagmark-bench-") as folder:
        for section in _measure(arguments, Path(folder)):
            sections.append(section)
            if not arguments.json:
                print(as_text(section), end="", flush=True)
    document = as_json(facts, sections)
    text = json.dumps(document, indent=2)
    if arguments.out is not None:
        arguments.out.write_text(text + "\n")
    if arguments.json:
        print(text)
    return 0 if document["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
