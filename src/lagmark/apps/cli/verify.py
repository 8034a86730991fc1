"""``lagmark verify``: stored feature vectors held against the events they came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lagmark.apps.cli.options import (
    JsonOption,
    examples,
    find_domain,
    find_feature_set,
)
from lagmark.apps.cli.output import Output
from lagmark.apps.cli.reading import compute, read, reading_line, reads_labels
from lagmark.apps.cli.verify_ledger import verify_data
from lagmark.apps.jobs.parity import Differences, compare
from lagmark.errors import ConfigError, ParityError, StateError

if TYPE_CHECKING:
    import polars as pl

    from lagmark.apps.cli.vectors import StoredVectors
    from lagmark.domains.domain import Domain
    from lagmark.features import FeatureSet, Vectors

__all__ = ["register"]

_PART = 131_072
"""Rows compared at a time, so that memory stays low."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "verify",
        epilog=examples(
            "lagmark verify --domain handbook --events payments.parquet "
            "--features features.parquet",
            "lagmark verify -d card -e daily/ --features features.csv -f default --json",
            "lagmark verify --data .lagmark --json",
        ),
    )(_verify)


def _verify(
    *,
    domain: Annotated[
        str | None,
        typer.Option("--domain", "-d", metavar="NAME", help="What the rows of --events are."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", "-e", metavar="PATH", help="Events that --features came from."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option("--features", metavar="FILE", help="What `lagmark backfill` wrote."),
    ] = None,
    feature_set: Annotated[
        str | None,
        typer.Option(
            "--feature-set",
            "-f",
            metavar="NAME",
            help="Feature set of the domain. Default: the one the file names.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Check the ledger of this service instead of a file."
        ),
    ] = None,
    first: Annotated[
        int, typer.Option("--first", min=1, help="First entry of the ledger to compare.")
    ] = 1,
    last: Annotated[
        int | None, typer.Option("--last", min=1, help="Last entry to compare. Default: the last.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Recompute stored features, or every decision of a service, and report what differs.

    With --features: the contract, that every event has one row and no row is without its event,
    and every value bit by bit. With --data: that no entry of the ledger was changed, and that
    features, model, policy and reasons give each decision again. The exit status is 0 if all
    hold, 7 if something comes out otherwise and 8 if the ledger itself is not what was written.
    """
    from lagmark.apps.cli.vectors import read_vectors

    output = Output(json)
    if data is not None:
        verify_data(output, data, first=first, last=last)
        return
    if domain is None or events is None or features is None:
        raise ConfigError(
            "nothing to verify",
            where="lagmark verify",
            hint="give --data DIR, or --domain, --events and --features",
        )
    chosen = find_domain(domain)
    stored = read_vectors(features)
    wanted = _feature_set(chosen, stored, feature_set, features)
    found = read(output, events, chosen, require_labels=reads_labels(wanted))
    count = len(found.batch)
    vectors, _ = compute(output, wanted, found.batch)
    account = _account(stored, vectors, found.batch.events["event_id"], features)
    parity = account.pop("parity")
    odd = parity.first
    problems = _problems(account, parity)
    payload = account | {
        "domain": chosen.name,
        "feature_set": wanted.name,
        "ok": not problems,
        "first_difference": odd.as_dict("stored", "recomputed") if odd else None,
    }

    def render() -> None:
        output.line(reading_line(found, None))
        output.line(
            f"{count:,} events x {len(wanted.names)} features of set {wanted.name} against "
            f"{account['rows']:,} rows of {features}"
        )
        for problem in problems:
            output.line(problem)
        if not problems:
            output.line("all the same, bit by bit")

    output.result(payload, render)
    if problems:
        output.fail(
            ParityError(
                problems[0],
                where=str(features),
                hint="run `lagmark backfill` again if the events or definitions have changed",
            )
        )


def _feature_set(domain: Domain, stored: StoredVectors, name: str | None, path: Path) -> FeatureSet:
    written = stored.about.get("domain")
    if written is not None and written != domain.name:
        raise ConfigError(
            f"the file was written for domain {written!r}, not {domain.name!r}",
            where=f"--features {path}",
            hint=f"use --domain {written}",
        )
    name = name or stored.about.get("feature_set")
    if name is None:
        raise ConfigError(
            "the file does not say which feature set it holds",
            where=f"--features {path}",
            hint=f"add --feature-set with one of {', '.join(domain.feature_sets)}",
        )
    return find_feature_set(domain, name)


def _account(
    stored: StoredVectors, vectors: Vectors, event_ids: pl.Series, path: Path
) -> dict[str, Any]:
    import polars as pl

    ids = stored.frame["event_id"].cast(event_ids.dtype, strict=False)
    if ids.n_unique() != len(ids) or ids.null_count():
        raise StateError(
            "an event_id stands there twice or is empty",
            where=str(path),
            hint="write the file again with `lagmark backfill`",
        )
    here = pl.DataFrame({"event_id": event_ids}).with_row_index("row")
    there = pl.DataFrame({"event_id": ids}).with_row_index("at")
    both = here.join(there, on="event_id", how="inner", maintain_order="left")
    absent = here.join(there, on="event_id", how="anti", maintain_order="left")["event_id"]
    extra = there.join(here, on="event_id", how="anti", maintain_order="left")["event_id"]
    common = [name for name in vectors.names if name in stored.names]
    parity = _compare(stored, vectors, common, both)
    contract = stored.about.get("contract", {}).get("hash")
    return {
        "events": len(event_ids),
        "rows": len(ids),
        "contract": vectors.contract.hash,
        "stored_contract": contract,
        "contract_mismatch": contract is not None and contract != vectors.contract.hash,
        "missing_events": len(absent),
        "first_missing": absent[0] if len(absent) else None,
        "extra_rows": len(extra),
        "first_extra": extra[0] if len(extra) else None,
        "missing_features": [name for name in vectors.names if name not in stored.names],
        "extra_features": [name for name in stored.names if name not in vectors.names],
        "differences": parity.differences,
        "parity": parity,
    }


def _compare(
    stored: StoredVectors, vectors: Vectors, common: list[str], both: pl.DataFrame
) -> Differences:
    """Differences of the features in common over the rows in common, a part at a time."""
    import numpy as np

    parity = Differences()
    columns = [vectors.names.index(name) for name in common]
    arrays = [stored.frame[name].to_numpy() for name in common]
    for start in range(0, both.height if common else 0, _PART):
        part = both.slice(start, _PART)
        rows, places = part["row"].to_numpy(), part["at"].to_numpy()
        one = np.column_stack([array[places] for array in arrays])
        found = compare(one, vectors.matrix[rows][:, columns], common, part["event_id"])
        if found.first is not None:
            # Rows without their event stand between those compared: name the event's own row.
            first = replace(found.first, row=int(rows[found.first.row]))
            found = Differences(found.differences, first)
        parity = parity.then(found)
    return parity


def _problems(account: dict[str, Any], parity: Differences) -> list[str]:
    """What does not hold, in words, the weightiest first."""
    problems = []
    if account["contract_mismatch"]:
        problems.append(
            f"the file was written under contract {account['stored_contract'][:12]}, the "
            f"definitions are now {account['contract'][:12]}"
        )
    if parity.differences:
        problems.append(parity.text("stored", "recomputed"))
    if account["missing_events"]:
        problems.append(
            f"{account['missing_events']:,} events have no row, first {account['first_missing']}"
        )
    if account["extra_rows"]:
        problems.append(
            f"{account['extra_rows']:,} rows have no event, first {account['first_extra']}"
        )
    if account["missing_features"]:
        problems.append(f"the file lacks features: {', '.join(account['missing_features'])}")
    if account["extra_features"]:
        problems.append(f"the file has other features: {', '.join(account['extra_features'])}")
    return problems
