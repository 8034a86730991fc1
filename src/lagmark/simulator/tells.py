"""What a query for a tell sees: events of either domain under the same names, without any truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.errors import ConfigError
from lagmark.simulator.typologies import TYPOLOGIES

if TYPE_CHECKING:
    import polars as pl

    from lagmark.simulator.history import History

__all__ = ["find", "found", "view"]


def view(events: pl.DataFrame, domain: str) -> pl.DataFrame:
    """Events under common names, ordered by time.

    Parameters
    ----------
    events
        Events in the source columns of the domain, of as many days as there are.
    domain
        ``"card"`` or ``"bank_link"``.

    Returns
    -------
    polars.DataFrame
        Columns ``event_id``, ``time``, ``account``, ``kind``, ``amount`` (minor units, Int64),
        ``party``, ``device`` and, in ``bank_link``, ``balance`` (minor units) and
        ``account_age`` (days).

    Raises
    ------
    ConfigError
        If the domain is not simulated.
    """
    import polars as pl

    def minor(name: str) -> pl.Expr:
        return (pl.col(name) * 100).round().cast(pl.Int64)

    if domain == "card":
        seen = events.select(
            event_id="trans_num",
            time="trans_date_trans_time",
            account="cc_num",
            kind=pl.lit("payment"),
            amount=minor("amt"),
            party="merchant",
            device="device",
        )
    elif domain == "bank_link":
        seen = events.select(
            "event_id",
            "time",
            "account",
            "kind",
            amount=minor("amount"),
            party="counterparty",
            device="device",
            balance=minor("balance"),
            account_age="account_age",
        )
    else:
        raise ConfigError(f"domain {domain!r} is not simulated", hint="use card or bank_link")
    return seen.sort("time", maintain_order=True)


def find(events: pl.DataFrame, domain: str, typology: str) -> pl.Series:
    """Ids of the events that the tell of a typology points at.

    Parameters
    ----------
    events, domain
        See :func:`view`.
    typology
        A name of :data:`lagmark.simulator.typologies.TYPOLOGIES`.

    Raises
    ------
    ConfigError
        If there is no such typology in the domain.
    """
    known = [name for name, each in TYPOLOGIES.items() if domain in each.domains]
    if typology not in known:
        raise ConfigError(
            f"there is no typology {typology!r} in domain {domain!r}",
            hint=f"choose one of {', '.join(known)}",
        )
    return TYPOLOGIES[typology].tell(view(events, domain))


def found(history: History) -> pl.DataFrame:
    """How well each tell of the domain points at its typology in a history.

    Events are held in memory as far as the queries need them.

    Parameters
    ----------
    history
        A finished folder; the truth is opened to judge what the queries found.

    Returns
    -------
    polars.DataFrame
        One row per typology: ``typology, campaigns, found`` (campaigns with an event that the
        tell points at), ``events`` (frauds of that typology it points at), ``others`` (of other
        typologies), ``honest``.
    """
    import polars as pl

    domain = history.manifest.domain
    seen = view(history.events().collect(), domain)
    truth = history.truth().select("event_id", "fraud", "typology", "campaign").collect()
    rows = []
    for name, kind in TYPOLOGIES.items():
        if domain not in kind.domains:
            continue
        ids = kind.tell(seen).unique()
        hits = truth.filter(pl.col("event_id").is_in(ids.implode()))
        mine = hits.filter(pl.col("typology") == name)
        rows.append(
            {
                "typology": name,
                "campaigns": truth.filter(pl.col("typology") == name)["campaign"].n_unique(),
                "found": mine["campaign"].n_unique(),
                "events": mine.height,
                "others": hits.filter("fraud").height - mine.height,
                "honest": hits.filter(~pl.col("fraud")).height,
            }
        )
    return pl.DataFrame(rows)
