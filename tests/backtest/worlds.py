"""Small worlds under small policies, each lived through once."""

from __future__ import annotations

from functools import cache
from typing import Any

from lagmark.apps.jobs.backtest_data import WorldSource
from lagmark.backtest import (
    Costs,
    DecisionLog,
    Feed,
    Policy,
    PolicyFile,
    Retraining,
    Source,
    replay_days,
)
from lagmark.simulator import Scenario, load_scenario

DAYS = 30
WARM_UP = 14
MODEL: dict[str, Any] = {
    "kind": "xgboost",
    "params": {"n_estimators": 15, "max_depth": 3, "max_bin": 64},
}


def scenario(name: str = "card_short_delay", **more: Any) -> Scenario:
    return load_scenario(name, **{"events": 4_000, "days": DAYS, "fraud": {"rate": 0.06}, **more})


def policy(name: str = "one", **more: Any) -> Policy:
    parts: dict[str, Any] = {
        "name": name,
        "warm_up": WARM_UP,
        "maturity": "naive",
        "model": MODEL,
        "budget": {"analysts": 1, "cases": 8},
        **more,
    }
    return Policy.model_validate(parts)


def policy_file(*policies: Policy) -> PolicyFile:
    return PolicyFile(policies=policies or (policy(),))


def replay(feed: Feed, source: Source, chosen: Policy, seed: int = 0) -> Lived:
    log, retrainings = replay_days(feed, chosen, Costs(), source.feature_set(), seed=seed)
    return Lived(log, retrainings, feed)


class Lived:
    """A policy's days, and what came of them."""

    def __init__(self, log: DecisionLog, retrainings: list[Retraining], feed: Feed) -> None:
        self.log, self.retrainings, self.feed = log, retrainings, feed


@cache
def lived(kind: str) -> Lived:
    """Days under a kind of policy: alert, block or adaptive."""
    chosen = {
        "alert": policy("alert"),
        "block": policy("block", action="block", block_above=0.3, control=0.2),
        "adaptive": policy("adaptive", action="block", block_above=0.3, control=0.2),
    }[kind]
    source = WorldSource(scenario("card_adaptive" if kind == "adaptive" else "card_short_delay"))
    return replay(source.feed(0), source, chosen)
