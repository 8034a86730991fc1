"""The error family: every refusal says what was wrong, where, and what to do next."""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "DefinitionError",
    "DuplicateEventError",
    "LagmarkError",
    "LeakageError",
    "LedgerError",
    "ParityError",
    "RegistryError",
    "StateError",
    "UnavailableError",
]


class LagmarkError(Exception):
    """Base of all errors that Lagmark raises on purpose.

    Parameters
    ----------
    what
        What was wrong, one sentence without a full stop.
    where
        The file, field, feature or setting it was found in.
    hint
        What the reader can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(LagmarkError):
    """A setting, flag or run file that cannot be used."""

    exit_code = 2


class DataError(LagmarkError):
    """Input that cannot be read as the events or labels of its domain."""

    exit_code = 3


class DuplicateEventError(DataError):
    """An event id that was already decided, too long ago to answer from memory."""


class DefinitionError(LagmarkError):
    """A feature, feature set or domain that contradicts itself."""

    exit_code = 4


class LeakageError(DefinitionError):
    """A feature that would read what is not known when the decision is taken."""


class StateError(LagmarkError):
    """Feature state or a stored artefact that cannot be used as asked."""

    exit_code = 5


class RegistryError(LagmarkError):
    """A model, run or alias that does not exist or may not be changed."""

    exit_code = 6


class ParityError(LagmarkError):
    """Two computations of the same features that differ."""

    exit_code = 7


class LedgerError(LagmarkError):
    """A ledger that cannot be written or read, or whose chain is broken."""

    exit_code = 8


class UnavailableError(LagmarkError):
    """A service that cannot answer now.

    Parameters
    ----------
    what, where, hint
        As for every error.
    retry_after
        Seconds after which it is worth trying again.
    """

    exit_code = 9

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", retry_after: float = 1.0
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.retry_after = retry_after
