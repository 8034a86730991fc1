"""Job: policies replayed day by day, compared, and written up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.backtest import ResultStore, finish_units, summarise
from lagmark.backtest.store import write_json

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.backtest import Plan, Study

__all__ = ["REPORT", "RESULT", "run_backtest"]

RESULT = "result.json"
REPORT = "report.html"


def run_backtest(plan: Plan, out: Path, *, jobs: int, reporter: Reporter) -> Study:
    """Backtest in a folder: what is finished there already is not run again.

    Parameters
    ----------
    plan
        What to run.
    out
        Folder of the units, ``result.json`` and ``report.html``.
    jobs
        Processes.
    reporter
        Told about progress.

    Raises
    ------
    StateError
        If the folder holds a backtest of other inputs.
    """
    from lagmark.backtest.page import study_page

    store = ResultStore(out, plan.inputs())
    with reporter.progress("Replay the days", "days") as tell:
        finish_units(plan, store, jobs=jobs, tell=tell)
    study = summarise(plan, store)
    write_json(out / RESULT, study.as_dict())
    with reporter.progress(f"Draw {REPORT}", ""):
        study_page(study).write(out / REPORT)
    return study
