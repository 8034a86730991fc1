"""Errors become refusals that say what a sender may know, and nothing of the inside."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from lagmark.apps.api.problems import Fault, Problem, faults_of, problem_of
from lagmark.apps.api.routes.labels import Feedback
from lagmark.errors import (
    ConfigError,
    DataError,
    DefinitionError,
    DuplicateEventError,
    LedgerError,
    RegistryError,
    StateError,
    UnavailableError,
)

SECRET = "/srv/secret/ledger.sqlite"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Problem(418, "a teapot"), 418),
        (DataError("not a number", where="amount"), 422),
        (ConfigError("no such field", where="lists"), 422),
        (DuplicateEventError("decided long ago"), 409),
        (RegistryError("no such run"), 409),
        (UnavailableError("draining", retry_after=2.5), 503),
        (LedgerError("the disk is full", where=SECRET), 503),
        (StateError("broken", where=SECRET), 500),
        (DefinitionError(SECRET), 500),
        (KeyError(SECRET), 500),
    ],
)
def test_an_error_has_its_status(error: Exception, status: int) -> None:
    problem = problem_of(error)
    document = json.loads(problem.body("r1"))
    assert (problem.status, document["status"], document["request_id"]) == (status, status, "r1")
    assert SECRET not in problem.body("r1").decode()


def test_not_now_says_when() -> None:
    assert problem_of(UnavailableError("busy", retry_after=2.5)).headers == {"Retry-After": "3"}
    assert problem_of(LedgerError("gone")).headers == {"Retry-After": "1"}


def test_a_refusal_names_at_most_twenty_faults_and_any_text() -> None:
    problem = Problem(422, "bad \ud800", errors=[Fault("a\udfff", "b")] * 30)
    document = json.loads(problem.body("r1"))
    assert (len(document["errors"]), document["errors"][0]["field"]) == (20, "a\\udfff")


def test_faults_name_fields_and_no_values() -> None:
    with pytest.raises(ValidationError) as caught:
        Feedback.model_validate_json('{"event_id": 1, "fraud": "hidden", "more": 1}')
    faults = faults_of(caught.value.errors())
    assert {fault.field for fault in faults} == {"fraud", "more"}
    assert "hidden" not in repr(faults)
