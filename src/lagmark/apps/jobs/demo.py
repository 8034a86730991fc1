"""Job: the main job on generated payments, from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lagmark.apps.jobs.demo_service import serve_history
from lagmark.apps.jobs.ingest import ingest
from lagmark.apps.jobs.run import run_batch
from lagmark.atomic import replacing
from lagmark.clock import stopwatch
from lagmark.domains.registry import get_domain
from lagmark.simulator import simulate_handbook
from lagmark.wiring import Home, load_settings

if TYPE_CHECKING:
    from lagmark.apps.bench.process import ServiceProcess
    from lagmark.apps.jobs.demo_service import Served
    from lagmark.apps.jobs.outcome import RunOutcome
    from lagmark.apps.jobs.reporter import Reporter

__all__ = ["DemoOutcome", "demo"]

TRAIN_DAYS = 60


@dataclass(frozen=True, slots=True, eq=False)
class DemoOutcome:
    """What the demo did, and where it lies.

    Parameters
    ----------
    payments
        The generated payments.
    store
        Folder of the daily files.
    days
        Days written to it.
    exploration
        The exploratory report.
    run
        The run on them.
    served
        What the service made of the last days; ``None`` without a model.
    service
        The service, still running; whoever asked for the demo stops it.
    seconds
        Time in all.
    """

    payments: Path
    store: Path
    days: int
    exploration: Path
    run: RunOutcome
    served: Served | None
    service: ServiceProcess | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        record = self.run.as_dict()
        record["files"] |= {
            "payments": str(self.payments),
            "days": str(self.store),
            "exploration": str(self.exploration),
        }
        return {
            **record,
            "command": "demo",
            "days": self.days,
            "service": self.served.as_dict() if self.served else None,
            "total_seconds": self.seconds,
        }


def demo(
    home_path: Path,
    *,
    reporter: Reporter,
    customers: int = 5_000,
    terminals: int = 10_000,
    days: int = 183,
    radius: float = 5.0,
    seed: int = 0,
    port: int = 0,
) -> DemoOutcome:
    """Generated payments validated, stored by day, explored, learnt from, replayed, decided on.

    The process is that of the Fraud Detection Handbook and the defaults are its full size. One
    test week instead of the domain's usual four, and sixty days of training, keep it short.

    Parameters
    ----------
    home_path
        Where everything is kept.
    reporter
        Told about progress.
    customers, terminals, days, radius, seed
        See :func:`lagmark.simulator.simulate_handbook`.
    port
        Where the service listens; any free one when 0.

    Raises
    ------
    LagmarkError
        If a step cannot be done.
    """
    from lagmark.monitoring.explore import explore

    domain = get_domain("handbook")
    home = Home(home_path)
    payments = home.data("demo-payments.parquet")
    settings = load_settings(
        flags={
            "domain": domain.name,
            "events": payments,
            "home": home_path,
            "protocol": "default",
            "folds": 1,
            "train_days": TRAIN_DAYS,
            "seed": seed,
        }
    )
    with home.exclusive():
        start = stopwatch()
        with reporter.progress("Simulate payments", "steps") as tell:
            frame = simulate_handbook(
                customers=customers, terminals=terminals, days=days, radius=radius, seed=seed,
                progress=tell,
            )  # fmt: skip
        with replacing(payments) as draft:
            frame.write_parquet(draft)
        del frame
        reading = stopwatch()
        letters = home.dead_letters(domain.name)
        found = ingest(payments, domain, dead_letters=letters, reporter=reporter)
        read = stopwatch() - reading
        stored = home.store(domain.name).write(found.batch)
        page = home.report(f"{domain.name}-explore")
        explore(found.batch, domain).write_html(page)
        outcome = run_batch(
            settings,
            domain,
            home,
            found.batch,
            found.report,
            reporter=reporter,
            dead_letters=letters if found.report.dead else None,
            seconds={"simulate": reading - start, "read": read},
        )
        served, service = None, None
        if outcome.registration is not None:
            served, service = serve_history(
                home_path, found.batch, domain, reporter=reporter, port=port
            )
        return DemoOutcome(
            payments=payments,
            store=home.store_path(domain.name),
            days=len(stored),
            exploration=page,
            run=outcome,
            served=served,
            service=service,
            seconds=round(stopwatch() - start, 1),
        )
