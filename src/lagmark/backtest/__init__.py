"""Backtests: days of events under a policy, with what was known on each of them."""

from __future__ import annotations

from lagmark.backtest.data_feed import DataFeed
from lagmark.backtest.feed import Arrivals, Feed, Messages, Truth
from lagmark.backtest.loading import load_policies, policy_files
from lagmark.backtest.log import DecisionLog, Retraining
from lagmark.backtest.loop import replay_days
from lagmark.backtest.policy import Costs, Policy, PolicyFile
from lagmark.backtest.run import Plan, Source, finish_units, run_unit
from lagmark.backtest.store import ResultStore
from lagmark.backtest.study import Study, summarise
from lagmark.backtest.world_feed import WorldFeed

__all__ = [
    "Arrivals",
    "Costs",
    "DataFeed",
    "DecisionLog",
    "Feed",
    "Messages",
    "Plan",
    "Policy",
    "PolicyFile",
    "ResultStore",
    "Retraining",
    "Source",
    "Study",
    "Truth",
    "WorldFeed",
    "finish_units",
    "load_policies",
    "policy_files",
    "replay_days",
    "run_unit",
    "summarise",
]
