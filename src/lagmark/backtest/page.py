"""A backtest as a page that reads like a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.backtest import page_plots as plots
from lagmark.backtest.conclusions import conclusions, limits
from lagmark.backtest.figures import FIGURES
from lagmark.backtest.wording import between, figure_text, shown, signed, unit_of
from lagmark.reports import Note, Page, Section, Table, Text, Tile, count, number, percent

if TYPE_CHECKING:
    from lagmark.backtest.study import Study
    from lagmark.reports.page import Block

__all__ = ["study_page"]

_TABLES = (
    ("Money", ("caught_share", "caught_value", "net_cost")),
    ("Alerts", ("precision", "recall", "false_positives")),
    ("Ranking and probabilities", ("card_precision", "average_precision", "calibration")),
)
_WORK = ("alerts", "analyst_hours")
_REFUSALS = ("blocked", "blocked_honest")
_DIFFERENCES = (
    ("Differences in money", ("caught_share", "net_cost", "recall")),
    (
        "Differences in ranking and probabilities",
        ("card_precision", "average_precision", "calibration"),
    ),
)


def study_page(study: Study) -> Page:
    """Page of a backtest: question, setup, policies, time courses, conclusions, limits."""
    first = study.policies[study.candidates[0]]["figures"]
    best = max(study.candidates, key=lambda name: _value(study, name, "caught_share"))
    evaluated = study.evaluated
    return Page(
        title=f"Backtest: {study.source['name']}",
        lead=f"{study.source['title']}. {_compared(study)}, {_seeds(study)}, "
        f"{count(evaluated['days'])} days from {evaluated['first_date']} to "
        f"{evaluated['last_date']}, each day decided with what was known on it.",
        tiles=[
            Tile("Frauds", count(round(first["frauds"]["value"] or 0)), _each(study), "fraud"),
            Tile("Fraud value", number(first["fraud_value"]["value"], 0), _each(study), "fraud"),
            Tile(
                "Most value caught",
                percent(_value(study, best, "caught_share"), 1),
                f"{best}, of all fraud value",
            ),
            Tile("Alerts a day", _budgets(study), "cases that analysts can work"),
        ],
        sections=[
            Section("Question", _question(study)),
            Section("Setup", _setup(study)),
            Section("Policies side by side", _tables(study)),
            Section("Differences", _differences(study)),
            *([Section("What labels cost", _labels(study))] if study.reference else []),
            Section("Value caught over time", plots.caught(study)),
            Section("Card precision over time", plots.precision(study)),
            Section("Calibration", plots.calibration(study)),
            Section("Cost and alert budget", plots.costs(study)),
            Section("What each policy believed", _beliefs(study)),
            Section("Control group", _control(study)),
            Section("How late labels are", plots.delay(study)),
            Section("What to conclude", [Text(text) for text in conclusions(study)]),
            Section("Limits", [Text(text) for text in limits(study)]),
        ],
        footer=f"lagmark backtest, inputs {study.fingerprint[:16]}. Intervals: {study.interval}, "
        f"{percent(study.confidence, 0)}. The truth was opened after the last decision"
        + (f", but for {shown(study, study.reference)}." if study.reference else "."),
    )


def _value(study: Study, name: str, figure: str) -> float:
    value = study.policies[name]["figures"][figure]["value"]
    return float("-inf") if value is None else float(value)


def _compared(study: Study) -> str:
    policies = len(study.candidates)
    told = f"{policies} policies" if policies > 1 else "One policy"
    return told + (" and a reference that is taught the truth" if study.reference else "")


def _seeds(study: Study) -> str:
    return f"{len(study.seeds)} seeds" if len(study.seeds) > 1 else "one seed"


def _each(study: Study) -> str:
    return "in truth, mean over the seeds" if len(study.seeds) > 1 else "in truth"


def _budgets(study: Study) -> str:
    alerts = {
        one["settings"]["budget"]["analysts"] * one["settings"]["budget"]["cases"]
        for one in study.policies.values()
    }
    low, high = min(alerts), max(alerts)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


def _question(study: Study) -> list[Block]:
    ever = study.label_delay["ever"]
    known = study.label_delay["known"]
    who = "labels" if _is_data(study) else "customers and banks"
    return [
        Text(
            "When a model is trained, the fraud of the last weeks is mostly not yet known. Which "
            "way to learn and to decide stops most fraud for the same work, and which one's "
            "probabilities can be believed?"
        ),
        Text(
            f"Here {who} speak of {percent(ever, 0)} of all frauds sooner or later: "
            f"of {percent(known[7], 0)} within a week and of {percent(known[30], 0)} within thirty "
            "days."
        ),
    ]


def _is_data(study: Study) -> bool:
    return bool(study.source["kind"] == "events")


def _setup(study: Study) -> list[Block]:
    rows = []
    for name, one in study.policies.items():
        chosen = one["settings"]
        params = ", ".join(f"{k} {v}" for k, v in chosen["maturity"]["params"].items())
        acts = chosen["action"]
        if acts == "block":
            above = chosen["block_above"]
            acts = f"block above {above:g}" if above else "block by cost"
        rows.append(
            (
                shown(study, name),
                "taught the truth"
                if one["reference"]
                else chosen["maturity"]["policy"] + (f" ({params})" if params else ""),
                chosen["model"]["kind"] or "the domain's first",
                f"every {chosen['cadence']} d",
                f"{chosen['window']} d" if chosen["window"] else "all",
                chosen["budget"]["analysts"] * chosen["budget"]["cases"],
                chosen["threshold"],
                acts,
                percent(chosen["control"], 0),
            )
        )
    headers = (
        *("policy", "silence of young events", "model", "training", "window"),
        *("alerts a day", "queue by", "action", "control"),
    )
    costs = study.costs
    return [
        Text(
            "Every policy lives through the same days alone. In the morning it may train on the "
            "labels that have reached it. It scores each payment on arrival, with features that "
            "know no later label. At midnight the queue closes and analysts work it in its order; "
            + (
                "the label of the data set is what they say a day later. It becomes known of every "
                "payment after the delay of the domain, of a refused one never."
                if _is_data(study)
                else "what they say is known hours to days later, and only of what they were "
                "shown. Customers and banks speak late, sometimes wrongly, of a refused payment "
                "never."
            )
        ),
        Table(headers, rows, "Policies", align="lllllrllr", marked=_references(study)),
        Text(
            f"A review costs {number(costs['review'])} and {number(costs['minutes'], 0)} minutes, "
            f"a refused honest payment {number(costs['friction'])}, a fraud that passes "
            f"{percent(costs['loss'], 0)} of its amount. A fraud counts as caught if it was "
            "refused, or if an analyst recognised it before its label was known otherwise."
        ),
    ]


def _tables(study: Study) -> list[Block]:
    blocks = any(one["settings"]["action"] == "block" for one in study.policies.values())
    means = Text(
        "Figures are means over the seeds; predicted / actual is the sum of all probabilities over "
        "all frauds, so that a seed with few frauds counts for few."
    )
    tables = [
        Table(
            ("policy", *(_title(study, figure) for figure in group)),
            [
                (shown(study, name), *(between(one["figures"][figure], figure) for figure in group))
                for name, one in study.policies.items()
            ],
            caption,
            marked=_references(study),
        )
        for caption, group in (*_TABLES, ("Work", (*_WORK, *(_REFUSALS if blocks else ()))))
    ]
    return [means, *tables] if len(study.seeds) > 1 else [*tables]


def _references(study: Study) -> frozenset[int]:
    """Numbers of the rows to set apart, where there is one row per policy."""
    return frozenset(n for n, one in enumerate(study.policies.values()) if one["reference"])


def _title(study: Study, figure: str) -> str:
    if figure == "average_precision":
        return "PR-AUC"
    return FIGURES[figure].title.replace("@k", f"@{study.evaluated['k']}")


def _differences(study: Study) -> list[Block]:
    if len(study.policies) < 2:
        return [Text("There is one policy: nothing to compare it with.")]
    return [
        Text(
            "The policies met the same payments, so their differences are surer than the figures "
            "themselves. A difference whose interval excludes 0 is not luck of these days."
        ),
        *(
            Table(
                ("second − first", *(_title(study, figure) for figure in group)),
                [
                    (
                        f"{shown(study, pair['b'])} − {pair['a']}",
                        *(between(pair["figures"][name], name, write=signed) for name in group),
                    )
                    for pair in study.paired
                ],
                caption,
            )
            for caption, group in _DIFFERENCES
        ),
    ]


def _labels(study: Study) -> list[Block]:
    reference = str(study.reference)

    def due(name: str, figure: str) -> str | None:
        if name == reference:
            return None
        return between(study.difference(reference, name, figure), figure, write=signed)

    caught, level = [], []
    for name, one in study.policies.items():
        own, relative = one["figures"], one["relative_calibration"]
        row: list[str | None] = [shown(study, name)]
        for figure in ("caught_share", "average_precision"):
            row += [figure_text(own[figure]["value"], unit_of(figure)), due(name, figure)]
        caught.append(row)
        divided = None if relative is None else between(relative, "calibration")
        level.append((shown(study, name), between(own["calibration"], "calibration"), divided))
    return [
        Text(
            f"{shown(study, reference)} is no way to work: each training teaches it what every "
            "payment so far really was, refused ones too. What the others "
            "miss beside it is for their labels to answer; what it misses itself is for model, "
            "budget, drift and few frauds."
        ),
        Table(
            ("policy", "value caught", "due to labels", "PR-AUC", "due to labels"),
            caught,
            "Alerts beside the truth",
            marked=_references(study),
        ),
        Table(
            ("policy", "predicted / actual", "divided by that of the reference"),
            level,
            "Probabilities beside the truth",
            marked=_references(study),
        ),
    ]


def _beliefs(study: Study) -> list[Block]:
    rows: list[tuple[str, ...]] = []
    troubles: list[str] = []
    for name in study.candidates:
        one = study.policies[name]
        listed = [each for each in one["retrainings"] if each["true"]["fraud_rate"] is not None]
        for figure in ("fraud_rate", "alert_precision", "calibration"):
            pairs = [
                (each["believed"][figure], each["true"][figure])
                for each in listed
                if each["believed"][figure] is not None and each["true"][figure] is not None
            ]
            if pairs:
                believed, true = (sum(part) / len(pairs) for part in zip(*pairs, strict=True))
                write = percent if figure == "fraud_rate" else number
                rows.append((name, figure.replace("_", " "), write(believed), write(true)))
        failed = [each for each in one["retrainings"] if not each["trained"]]
        if failed:
            troubles.append(
                f"{name} could not learn in its own way {len(failed)} of "
                f"{len(one['retrainings'])} times, first because {failed[0]['reason']}; its last "
                "model went on, or a naive one stood in."
            )
    return [
        Text(
            "At every training the four weeks before it, as known then, beside what was true of "
            "the same payments; means over trainings and seeds. Calibration is predicted frauds "
            "over known ones."
        ),
        Table(("policy", "figure", "believed then", "true"), rows, "Beliefs and truth", "llrr"),
        *(Note(text) for text in troubles),
    ]


def _control(study: Study) -> list[Block]:
    rows = []
    for name, one in study.policies.items():
        control = one["control"]
        if one["settings"]["action"] != "block":
            continue
        estimable = control["covers"] is not None
        of = control["of"]
        estimate = figure_text(control["estimate"]["value"], "share", 3) if estimable else "none"
        covers = f"{control['covers']} of {of}" if estimable else "not estimable"
        rows.append(
            (
                shown(study, name),
                figure_text(control["truth"]["value"], "share", 3),
                estimate,
                covers,
                figure_text(control["plain"]["value"], "share", 3),
                f"{control['plain_covers']} of {of}",
            )
        )
    if not rows:
        return [Text("No policy refuses payments, so every outcome stays visible.")]
    return [
        Text(
            "A refused payment never gets a label. The fraud rate among the rest is too low; "
            "weighting the payments that were let through at random by their inverse propensity "
            "mends it. Truth is the share that customers or banks would call fraud in the end."
        ),
        Table(
            ("policy", "truth", "by control group", "interval holds it", "plain", "holds it"),
            rows,
            "Fraud rate from what stayed visible",
        ),
    ]
