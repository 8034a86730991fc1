"""MLflow's tables in a local SQLite file: made quickly, once, and without chatter."""

from __future__ import annotations

import logging
import os
import sqlite3
import warnings
from contextlib import closing
from typing import TYPE_CHECKING

from lagmark.locks import exclusive

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow import MlflowClient

__all__ = ["LOCK", "open_client"]

LOCK = ".lock"
"""File that whoever writes to a registry holds, among all that use the same directory."""

_ARTIFACTS = "artifacts"
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps addresses of files."""


def open_client(directory: Path) -> MlflowClient:
    """Client of the tracking store and registry in ``directory/mlflow.db``.

    The file is made if need be; processes that start together make it once.
    """
    # MLflow reads these while it is imported, and reports usage over the network unless told not
    # to. This is the only module that imports it first.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    with warnings.catch_warnings():
        # Deprecations between MLflow and its own dependencies are not the caller's business.
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        uri = f"sqlite:///{directory.absolute() / 'mlflow.db'}"
        with exclusive(directory / LOCK):
            if not (directory / "mlflow.db").exists():
                _create_tables(directory)
            _follow(directory)
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            # The first question opens both stores, while nobody else can be half through it.
            client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
    return client


def _follow(directory: Path) -> None:
    """Have the stored places of files follow the directory, if it was moved or copied.

    MLflow keeps absolute addresses, and knows no way to change that of an experiment.
    """
    here = f"{(directory.absolute() / _ARTIFACTS).as_uri()}/"
    with closing(sqlite3.connect(directory / "mlflow.db", timeout=60)) as database, database:
        placed = database.execute("SELECT name, artifact_location FROM experiments").fetchall()
        # Ours end in /artifacts/NAME; MLflow's own experiment lies elsewhere and stays empty.
        found = {
            place.removesuffix(name)
            for name, place in placed
            if place and place.endswith(f"/{_ARTIFACTS}/{name}")
        }
        for there in found - {here}:
            for table, column in _PLACES:
                # Table and column are constants of this module.
                database.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  # nosec B608
                    f"WHERE substr({column}, 1, ?) = ?",
                    (here, len(there) + 1, len(there), there),
                )


def _create_tables(directory: Path) -> None:
    # MLflow makes an empty schema by running some fifty migrations, each of which waits for the
    # disk. In a draft that only becomes the database when it is complete they need not.
    from mlflow.store.db import utils
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    initialise = getattr(utils, "_initialize_tables", None)
    if initialise is None:
        return
    draft = directory / ".mlflow.db.draft"
    draft.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{draft.absolute()}", poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # type: ignore[attr-defined]
        connection.execute("PRAGMA journal_mode=MEMORY")  # type: ignore[attr-defined]

    try:
        initialise(engine)
    finally:
        engine.dispose()
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.rename(directory / "mlflow.db")
