"""``lagmark simulate``: events whose truth is known, for a start without data."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
            "lagmark simulate --scenario card_stable --events 100000 --out history",
            "lagmark simulate --scenario mine.yaml --events 1000000 --seed 7 --out history",
            "lagmark simulate --out payments.parquet",
            "lagmark simulate --out daily/ --customers 500 --terminals 1000 --days 60 --seed 7",
        ),
    )(_simulate)


def _simulate(
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="Folder of the history; without a scenario a .parquet file, or a folder that "
            "gets one Parquet file per day.",
        ),
    ],
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            "-s",
            metavar="NAME",
            help="World to simulate: a name that `lagmark scenarios` lists, or a YAML file. "
            "Default: the handbook's payments.",
        ),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option("--events", metavar="N", help="With a scenario: about how many events."),
    ] = None,
    users: Annotated[
        int | None,
        typer.Option("--users", metavar="N", help="With a scenario: accounts at the start."),
    ] = None,
    change_day: Annotated[
        int | None,
        typer.Option(
            "--change-day",
            metavar="DAY",
            help="With a scenario: number of the day, from 0, on which its changes happen.",
        ),
    ] = None,
    domain: Annotated[
        str | None,
        typer.Option(
            "--domain",
            "-d",
            metavar="NAME",
            help="Without a scenario, which names its own: only handbook has a generator.",
        ),
    ] = None,
    customers: Annotated[
        int | None,
        typer.Option("--customers", metavar="N", help="Handbook: how many pay. Default: 5000"),
    ] = None,
    terminals: Annotated[
        int | None,
        typer.Option(
            "--terminals", metavar="N", help="Handbook: how many are paid at. Default: 10000"
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", metavar="N", help="Days of history. Default: the scenario's; handbook: 183"
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--start",
            metavar="DATE",
            help="First day, ISO 8601. Default: the scenario's; handbook: 2018-04-01",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same payments.")] = 0,
    json: JsonOption = False,
) -> None:
    """Generate events whose truth is known.

    With a scenario: people, merchants and fraudsters of a world, written to a folder with events,
    labels as they become known and, apart, the truth, one Parquet file a day. Without one: the
    Fraud Detection Handbook's payments by their published process. What is written appears when
    it is whole; the result of an earlier run is replaced, nothing else ever is.
    """
    output = Output(json)
    if seed < 0:
        raise ConfigError("the seed is negative", where="--seed", hint="give 0 or more")
    if scenario is not None:
        _only(scenario, "--customers", customers)
        _only(scenario, "--terminals", terminals)
        wanted = {
            "events": events, "users": users, "days": days, "start": start,
            "change_day": change_day,
        }  # fmt: skip
        given = {name: value for name, value in wanted.items() if value is not None}
        _history(output, out, scenario, given, domain, seed)
        return
    for option, value in (
        ("--events", events), ("--users", users), ("--change-day", change_day),
    ):  # fmt: skip
        if value is not None:
            raise ConfigError(
                f"{option} goes with a scenario",
                where=option,
                hint="give --scenario NAME, which `lagmark scenarios` lists",
            )
    numbers = {"customers": customers, "terminals": terminals, "days": days}
    chosen = {name: value for name, value in numbers.items() if value is not None}
    _handbook(output, out, domain or "handbook", chosen, start or "2018-04-01", seed)


def _only(scenario: str, option: str, value: object) -> None:
    if value is not None:
        raise ConfigError(
            f"{option} belongs to the handbook's payments, not to scenario {scenario!r}",
            where=option,
            hint="use --users and --events",
        )


def _history(
    output: Output,
    out: Path,
    scenario: str,
    given: dict[str, Any],
    domain: str | None,
    seed: int,
) -> None:
    """Simulate a scenario into a folder."""
    from lagmark.clock import stopwatch
    from lagmark.simulator import World, load_scenario
    from lagmark.simulator.history import refuse_foreign, write_history

    chosen = load_scenario(scenario, **given)
    if domain not in (None, chosen.domain):
        raise ConfigError(
            f"scenario {chosen.name!r} is of domain {chosen.domain!r}",
            where=f"--domain {domain}",
            hint="leave --domain out",
        )
    if out.suffix == ".parquet":
        raise ConfigError(
            "a scenario is written to a folder", where=f"--out {out}", hint="give a folder"
        )
    writable(out, folder=True)
    refuse_foreign(out)
    began = stopwatch()
    with output.progress(f"simulating {chosen.name}", "events") as advance:
        world = World(chosen, seed=seed)
        manifest = write_history(world, out, advance)
    seconds = stopwatch() - began
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    payload = {
        "out": out,
        "scenario": manifest.scenario,
        "domain": manifest.domain,
        "events": manifest.events,
        "frauds": manifest.frauds,
        "users": world.users,
        "first_day": manifest.first_day,
        "last_day": manifest.last_day,
        "change_days": list(chosen.change_days),
        "seed": seed,
        "fingerprint": manifest.fingerprint,
        "bytes": size,
        "seconds": round(seconds, 3),
    }

    def render() -> None:
        share = manifest.frauds / max(manifest.events, 1)
        output.line(
            f"{manifest.events:,} events, {manifest.frauds:,} of them fraud ({share:.2%}), "
            f"{manifest.first_day} to {manifest.last_day}, seed {seed}"
        )
        rate = manifest.events / seconds * 60 / 1e6
        output.line(
            f"written: {out}, {size / 1e6:.1f} MB in {seconds:.1f} s ({rate:.1f} million events a "
            "minute)"
        )
        output.line(f"next: lagmark stats {out}")

    output.result(payload, render)


def _handbook(
    output: Output, out: Path, domain: str, given: dict[str, int], start: str, seed: int
) -> None:
    """Simulate the handbook's payments into a file or folder."""
    from lagmark.simulator import simulate_handbook

    if find_domain(domain).name != "handbook":
        raise ConfigError(
            f"there is no generator for domain {domain!r} without a scenario",
            where="--domain",
            hint="give --scenario NAME, which `lagmark scenarios` lists, or simulate handbook",
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
    with output.progress("simulating", "steps") as advance:
        frame = simulate_handbook(**given, start=start, seed=seed, progress=advance)  # type: ignore[arg-type]
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
