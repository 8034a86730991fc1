"""What a start decides by: the file, and what the ledger says of lists and thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lagmark.backends.ledger.sqlite import SqliteLedger
from lagmark.decisions.lists import ListEntry
from lagmark.decisions.settings import Thresholds
from lagmark.domains.registry import get_domain
from lagmark.features import FeatureSet
from lagmark.schema.records import PolicyRecord
from lagmark.wiring.policies import load_policy
from lagmark.wiring.serving import Served

if TYPE_CHECKING:
    from lagmark.decisions.policy import Policy

HANDBOOK = get_domain("handbook")
DEFAULT = HANDBOOK.feature_set("default")
FEWER = FeatureSet("fewer", HANDBOOK.fields, DEFAULT.features[:4])
FILE = "choose: {choose}\nversion: {version}\nthresholds: {{review: 0.5}}\n"
STOLEN = ListEntry("deny", "customer", 7, "stolen", "eve", 0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    found = SqliteLedger(tmp_path / "ledger.sqlite", subject="customer", amount="amount")
    yield found
    found.close()


def write(data: Path, *, choose: str = "budget", version: int = 1) -> None:
    (data / "policy.yaml").write_text(FILE.format(choose=choose, version=version))


def recorded(served: Served, ledger: SqliteLedger) -> Policy:
    """The policy as a budget and an operator left it."""
    policy = load_policy(served, ledger)
    policy = policy.revised(thresholds=Thresholds(review=0.123), lists=policy.lists.add(STOLEN))
    ledger.append([PolicyRecord(policy.version, policy.content)], at=0)
    return policy


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("features", [DEFAULT, FEWER], ids=["all", "fewer"])
def test_a_start_decides_as_before(
    ledger: SqliteLedger, tmp_path: Path, features: FeatureSet, own: bool
) -> None:
    served = Served(HANDBOOK, features, tmp_path, "handbook")
    if own:
        write(tmp_path)
    before = recorded(served, ledger)
    after = load_policy(served, ledger)
    assert after.version == before.version
    assert after.thresholds.review == 0.123


@pytest.mark.parametrize("change", [{"version": 2}, {"choose": "fixed"}])
def test_thresholds_of_another_file_are_not_kept(
    ledger: SqliteLedger, tmp_path: Path, change: dict[str, object]
) -> None:
    served = Served(HANDBOOK, DEFAULT, tmp_path, "handbook")
    write(tmp_path)
    recorded(served, ledger)
    write(tmp_path, **change)  # type: ignore[arg-type]
    after = load_policy(served, ledger)
    assert after.thresholds.review == 0.5
    assert after.lists.entries == (STOLEN,)
