"""Tables brought to the revision that this version of Lagmark works with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["REVISION", "prepare"]

REVISION = "0001"
"""Newest revision; a ledger that has it is opened without a look at the others."""

_FOLDER = Path(__file__).with_name("migrations")


def prepare(
    present: str | None,
    *,
    read_only: bool,
    connect: Callable[[], Any],
    dialect: str,
    begin: str,
    where: str,
) -> None:
    """Run the revisions that a database lacks, in one transaction.

    Parameters
    ----------
    present
        Revision of the database, ``None`` for an empty one.
    read_only
        Whether it may not be changed.
    connect
        Opens a connection of the database's driver that begins no transaction by itself.
    dialect
        ``sqlite`` or ``postgresql+psycopg``.
    begin
        Statements that begin a transaction and wait for others that do the same.
    where
        What the database is called in an error.

    Raises
    ------
    LedgerError
        If it has a revision that this version does not know, or lacks some and may not be changed.
    """
    if present == REVISION:
        return
    if read_only:
        raise LedgerError(
            f"its tables are of revision {present or 'none'}, this version reads {REVISION}",
            where=where,
            hint="open it once for writing, or use the version of Lagmark that wrote it",
        )
    # A second of imports that only a new or old ledger needs.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    scripts = ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER)])
    engine = create_engine(f"{dialect}://", creator=connect, poolclass=NullPool)

    def missing(present: Any, _: object) -> Any:
        # Alembic keeps the walk from revision to revision to itself.
        return scripts._upgrade_revs(REVISION, present)  # noqa: SLF001

    with EnvironmentContext(Config(), scripts, fn=missing) as environment, engine.begin() as bound:
        bound.exec_driver_sql(begin)
        environment.configure(connection=bound, transactional_ddl=True)
        try:
            environment.run_migrations()
        except CommandError as problem:
            raise LedgerError(
                f"its tables are of a revision that this version does not know: {problem}",
                where=where,
                hint="use the version of Lagmark that wrote it, or a newer one",
            ) from None
