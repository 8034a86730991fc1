"""``lagmark simulate``: payments whose truth is known, for a start without data."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lagmark.apps.cli.options import JsonOption, examples, find_domain, writable
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["register"]

_DAILY = re.compile(r"\d{4}-\d\d-\d\d\.parquet")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "simulate",
        epilog=examples(
            "lagmark simulate --out payments.parquet",
            "lagmark simulate --out daily/ --customers 500 --terminals 1000 --days 60 --seed 7",
        ),
    )(_simulate)


def _simulate(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="A .parquet file, or a folder that gets one Parquet file per day.",
        ),
    ],
    domain: Annotated[
        str, typer.Option("--domain", "-d", metavar="NAME", help="Only handbook has a generator.")
    ] = "handbook",
    customers: Annotated[int, typer.Option("--customers", help="How many pay.")] = 5_000,
    terminals: Annotated[int, typer.Option("--terminals", help="How many are paid at.")] = 10_000,
    days: Annotated[int, typer.Option("--days", help="Days of payments.")] = 183,
    start: Annotated[
        str, typer.Option("--start", metavar="DATE", help="First day, ISO 8601.")
    ] = "2018-04-01",
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same payments.")] = 0,
    json: JsonOption = False,
) -> None:
    """Generate the Fraud Detection Handbook's payments with their fraud.

    The defaults are the published ones: 5,000 customers, 10,000 terminals, 183 days, about 1.75
    million payments. The file or folder appears when it is whole; one of an earlier run is
    replaced.
    """
    from lagmark.simulator import simulate_handbook

    output = Output(json)
    if find_domain(domain).name != "handbook":
        raise ConfigError(
            f"there is no generator for domain {domain!r}",
            where="--domain",
            hint="simulate handbook, or bring a file of your own",
        )
    folder = out.suffix == ""
    if not folder and out.suffix.lower() != ".parquet":
        raise ConfigError(
            f"cannot write {out.suffix!r} files",
            where=f"--out {out}",
            hint="give a name that ends in .parquet, or a folder",
        )
    writable(out, folder=folder)
    if folder:
        _refuse_foreign(out)
    if seed < 0:
        raise ConfigError("the seed is negative", where="--seed", hint="give 0 or more")
    with output.progress("simulating", "steps") as advance:
        frame = simulate_handbook(
            customers=customers,
            terminals=terminals,
            days=days,
            start=start,
            seed=seed,
            progress=advance,
        )
    with output.progress(f"writing {out.name}", "files" if folder else "") as advance:
        files = _write_folder(frame, out, advance) if folder else _write_file(frame, out)
    size = sum(path.stat().st_size for path in files)
    frauds = int(frame["TX_FRAUD"].sum())
    payload = {
        "out": out,
        "files": len(files),
        "bytes": size,
        "events": frame.height,
        "frauds": frauds,
        "seed": seed,
    }

    def render() -> None:
        share = f" ({frauds / frame.height:.2%})" if frame.height else ""
        output.line(f"{frame.height:,} payments, {frauds:,} of them fraud{share}, seed {seed}")
        what = f"{len(files)} daily files in {out}" if folder else str(out)
        output.line(f"written: {what}, {size / 1e6:.1f} MB")
        output.line(f"next: lagmark explore --domain handbook --events {out}")

    output.result(payload, render)


def _refuse_foreign(folder: Path) -> None:
    """Only a folder that an earlier run wrote is replaced."""
    if not folder.is_dir():
        return
    foreign = [path.name for path in folder.iterdir() if not _DAILY.fullmatch(path.name)]
    if foreign:
        raise ConfigError(
            f"the folder holds other things, {min(foreign)!r} for one",
            where=f"--out {folder}",
            hint="give a new folder: this one would be replaced as a whole",
        )


def _write_file(frame: pl.DataFrame, out: Path) -> list[Path]:
    from lagmark.atomic import replacing

    with replacing(out) as draft:
        frame.write_parquet(draft)
    return [out]


def _write_folder(
    frame: pl.DataFrame, out: Path, advance: Callable[[int, int], None]
) -> list[Path]:
    import polars as pl

    from lagmark.atomic import replacing

    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent))
    try:
        # mkdtemp makes private folders; the result is one like any other.
        draft.chmod(out.parent.stat().st_mode & 0o777)
        dated = frame.with_columns(pl.col("TX_DATETIME").dt.date().alias("_day"))
        days = dated.partition_by("_day", include_key=True, maintain_order=True)
        for done, part in enumerate(days, 1):
            day = part["_day"][0]
            with replacing(draft / f"{day:%Y-%m-%d}.parquet") as target:
                part.drop("_day").write_parquet(target)
            advance(done, len(days))
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return sorted(out.iterdir())
