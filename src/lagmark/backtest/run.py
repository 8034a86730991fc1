"""All units of a backtest, side by side in processes, and what they add up to."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import lagmark
from lagmark.backtest.evaluate import evaluate_unit
from lagmark.backtest.loop import replay_days
from lagmark.backtest.store import ResultStore
from lagmark.errors import ConfigError, StateError

if TYPE_CHECKING:
    from lagmark.backtest.feed import Feed
    from lagmark.backtest.policy import PolicyFile
    from lagmark.features import FeatureSet

__all__ = ["Plan", "Source", "finish_units", "run_unit"]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")

Tell = Callable[[int, int], None]


class Source(Protocol):
    """Where the days come from; an object that can be sent to another process."""

    @property
    def independent(self) -> bool:
        """Whether every seed is a world of its own."""
        ...

    @property
    def days(self) -> int:
        """Number of days."""
        ...

    def describe(self) -> dict[str, Any]:
        """Everything that the days follow from, as plain values."""
        ...

    def feature_set(self) -> FeatureSet:
        """Features of the events."""
        ...

    def feed(self, seed: int) -> Feed:
        """Days of a seed, not begun."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A backtest before it is run.

    Parameters
    ----------
    source
        Days and features.
    policies
        What is compared.
    seeds
        Seeds of the worlds, models and control groups.

    Raises
    ------
    ConfigError
        If there is no seed, or no day after the warm-up.
    """

    source: Source
    policies: PolicyFile
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.seeds or min(self.seeds) < 0:
            raise ConfigError("no seed to run", where="seeds", hint="give one seed or more")
        days, warm_up = self.source.days, self.policies.warm_up
        if days <= warm_up:
            raise ConfigError(
                f"{days} days end before the warm-up of {warm_up} days does",
                where="backtest",
                hint="give more days, or a smaller warm_up in the policies",
            )

    @property
    def units(self) -> tuple[tuple[str, int], ...]:
        """Policies and seeds, seed after seed."""
        return tuple((one.name, seed) for seed in self.seeds for one in self.policies.policies)

    def inputs(self) -> dict[str, Any]:
        """Everything that the results follow from, as plain values."""
        return {
            "version": lagmark.__version__,
            "source": self.source.describe(),
            "features": self.source.feature_set().contract.hash,
            "policies": self.policies.model_dump(mode="json"),
            "seeds": list(self.seeds),
        }


def run_unit(
    plan: Plan, name: str, seed: int, store: ResultStore, tell: Callable[[int], None]
) -> None:
    """Run one policy on one seed, and keep its decisions and its result.

    Parameters
    ----------
    plan
        The backtest.
    name, seed
        Policy and seed.
    store
        Where the unit is kept.
    tell
        Called after each day with its number.
    """
    policy = next(one for one in plan.policies.policies if one.name == name)
    store.clean(name, seed)
    feed = plan.source.feed(seed)
    costs = plan.policies.costs
    log, retrainings = replay_days(
        feed, policy, costs, plan.source.feature_set(), seed=seed, tell=tell
    )
    log.write(store.unit(name, seed) / "decisions.parquet")
    result = evaluate_unit(
        log,
        retrainings,
        feed.truth(),
        feed.domain,
        policy,
        costs,
        first_day=plan.policies.warm_up,
        k=plan.policies.per_day,
    )
    store.save(name, seed, {"policy": name, "seed": seed, **result})


def finish_units(plan: Plan, store: ResultStore, *, jobs: int, tell: Tell) -> int:
    """Run every unit that has no result yet.

    Parameters
    ----------
    plan, store
        The backtest, and where its units are kept.
    jobs
        Processes, each with one thread.
    tell
        Called with the days of all units that are done, and how many there are.

    Returns
    -------
    int
        Units that were run; the others had been finished before.

    Raises
    ------
    StateError
        If a process dies; what was finished stays.
    """
    left = [unit for unit in plan.units if not store.finished(*unit)]
    days = plan.source.days
    total = days * len(plan.units)
    before = total - days * len(left)
    tell(before, total)
    if not left:
        return 0
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    with (
        _one_thread(),
        ProcessPoolExecutor(
            min(jobs, len(left)), context, initializer=_begin, initargs=(counter,)
        ) as pool,
    ):
        running = {pool.submit(_work, plan, name, seed, str(store.folder)) for name, seed in left}
        try:
            while running:
                done, running = wait(running, timeout=0.3, return_when=FIRST_EXCEPTION)
                for future in done:
                    _raise(future)
                tell(before + counter.value, total)
        except BaseException:
            # Nobody waits for units that nobody will read.
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list((pool._processes or {}).values()):  # noqa: SLF001
                process.terminate()
            raise
    return len(left)


def _raise(future: Future[None]) -> None:
    try:
        future.result()
    except BrokenProcessPool as problem:
        raise StateError(
            "a process of the backtest died",
            where="backtest",
            hint="repeat the command, with fewer --jobs if memory was short: "
            "what is finished is kept",
        ) from problem


_counter: Any = None


def _begin(counter: Any) -> None:
    """First thing in a process: take the counter, and end with the parent and not before."""
    global _counter  # noqa: PLW0603 - the pool gives a process no other place to keep it
    _counter = counter
    # Ctrl-C reaches the whole group; the parent ends its processes itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(plan: Plan, name: str, seed: int, folder: str) -> None:
    def tell(_day: int) -> None:
        with _counter.get_lock():
            _counter.value += 1

    run_unit(plan, name, seed, ResultStore(Path(folder), plan.inputs()), tell)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Environment in which new processes start their libraries with one thread."""
    kept = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
