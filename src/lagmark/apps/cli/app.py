"""The command tree, and how a command ends: well, with an error, or stopped."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer

import lagmark
from lagmark.apps.cli import (
    backfill,
    backtest,
    bench,
    data,
    demo,
    domains,
    explore,
    keys,
    labels,
    maturity,
    models,
    nowcast,
    promotion,
    readiness,
    replay,
    run,
    scenarios,
    search,
    serve,
    simulate,
    validate,
    verify,
)
from lagmark.apps.cli.output import Output
from lagmark.errors import ConfigError, LagmarkError

__all__ = ["EXIT_CODES", "build", "main"]

EXIT_CODES = {
    0: "done",
    1: "something else went wrong",
    2: "wrong usage or configuration",
    3: "data that cannot be used",
    4: "a definition that contradicts itself",
    5: "state or a stored artefact that cannot be used",
    6: "a model, run or alias that does not exist or may not be changed",
    7: "two computations of the same features differ",
    8: "a ledger that cannot be used, or whose chain is broken",
    9: "a service that cannot answer now",
    130: "stopped with Ctrl-C",
}
"""What the exit status means."""

_PANELS: Mapping[str, tuple[Callable[[typer.Typer], None], ...]] = {
    "The whole way": (demo.register, run.register),
    "Data": (
        simulate.register,
        scenarios.register,
        domains.register,
        validate.register,
        explore.register,
    ),
    "Features": (backfill.register, replay.register, verify.register),
    "Models": (models.register, promotion.register, search.register),
    "Experiments": (backtest.register,),
    "Labels": (labels.register, maturity.register, nowcast.register),
    "Service": (
        serve.register,
        keys.register,
        data.register,
        bench.register,
        readiness.register,
    ),
}
"""Commands in the order of ``lagmark --help``."""

_HELP = """Real-time fraud detection that is honest about time.

Every command explains itself with examples: lagmark COMMAND --help."""

# Whatever library the parser comes from, its errors share one base.
_PARSER_ERROR = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name="lagmark",
        help=_HELP,
        epilog="Exit status: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items()),
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def options(
        version: Annotated[
            bool,
            typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
        ] = False,
        debug: Annotated[
            bool, typer.Option("--debug", help="Show the traceback of an error.")
        ] = False,
    ) -> None:
        del version, debug

    for panel, registers in _PANELS.items():
        commands, groups = len(app.registered_commands), len(app.registered_groups)
        for register in registers:
            register(app)
        for command in app.registered_commands[commands:]:
            command.rich_help_panel = panel
            _flow(command)
        for group in app.registered_groups[groups:]:
            group.rich_help_panel = panel
            for command in group.typer_instance.registered_commands if group.typer_instance else ():
                _flow(command)
    return app


def _flow(command: Any) -> None:
    command.help = _flowing(command.help or getattr(command.callback, "__doc__", None) or "")


def _flowing(text: str) -> str:
    """A docstring whose lines break where the terminal wants, not where the source does."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv
        Arguments without the program's name; those of the process when ``None``.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    output = Output("--json" in arguments)
    if not arguments:
        build()(args=["--help"], prog_name="lagmark", standalone_mode=False)
        return 2
    try:
        status = build()(args=arguments, prog_name="lagmark", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone; what is still buffered must not fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (typer.Abort, KeyboardInterrupt):
        status = 130
    except Exception as problem:  # noqa: BLE001 - the last place that can turn it into one line
        if "--debug" in arguments:
            traceback.print_exc()
        known = _explain(problem)
        output.error(known)
        return known.exit_code
    if status == 130:
        print("stopped; no half-written file is left, run it again", file=sys.stderr)
    return status if isinstance(status, int) else 0


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lagmark {lagmark.__version__}")
        raise typer.Exit


def _explain(problem: Any) -> LagmarkError:
    if isinstance(problem, LagmarkError):
        return problem
    if _PARSER_ERROR in type(problem).__mro__:
        context = getattr(problem, "ctx", None)
        path = context.command_path if context else "lagmark"
        return ConfigError(
            problem.format_message().rstrip("."), where=path, hint=f"see {path} --help"
        )
    if isinstance(problem, OSError) and problem.strerror:
        return LagmarkError(
            problem.strerror.lower(),
            where=str(problem.filename or ""),
            hint="check the path, its permissions and the space on the disk",
        )
    first = (str(problem).strip().splitlines() or [""])[0]
    return LagmarkError(
        f"{type(problem).__name__}: {first[:200]}",
        hint="this may be a defect of Lagmark; `lagmark --debug ...` shows the traceback",
    )
