"""Owns the operator's commands about predictions: what a plant's own logs would allow, before anything is installed."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloud import console
from cloud.errors import BadRequest

predictions = typer.Typer(name="predictions", help="What may happen, learned from what did.", no_args_is_help=True)

EXIT_NO_BETTER = 2


@predictions.command("judge")
def judge(
    directory: Annotated[Path, typer.Argument(help="Where the plant's exports are: CSV, also compressed (.gz).")],
    mapping: Annotated[Path, typer.Option(help="A TOML file that says where in them things stand.")],
    horizon: Annotated[int, typer.Option(min=1, max=24 * 14, help="How far ahead, in hours.")] = 24,
    algorithm: Annotated[
        str, typer.Option(help="hist_gradient_boosting, logistic_regression or random_forest.")
    ] = "hist_gradient_boosting",
    step: Annotated[int, typer.Option(min=1, max=24, help="Hours between two looks at a machine.")] = 1,
    test_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The judging begins here; the last fifth if not said.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="What is later is left out of the judging.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Learn from a plant's logs when machines stop unplanned, and say by the latest part of them how well that works.

    tezgah-cloud predictions judge exports/ --mapping mapping.toml --horizon 24

    Nothing is kept. The exit code is 0 when the model is surely better than every simple rule, 2 when it is not.
    """
    judging = _judging()
    wanted = judging.Wanted(horizon, algorithm, step, test_from, until)
    with _progress() as tell:
        judged = judging.judge(directory, mapping, wanted, tell)
    if as_json:
        console.print_json(judged.document())
    else:
        judged.show(Console())
    if not judged.may_serve:
        raise typer.Exit(EXIT_NO_BETTER)


def _judging() -> ModuleType:
    try:
        return importlib.import_module("cloud.predictions.judging")
    except ModuleNotFoundError as error:
        raise BadRequest(
            f"Predictions need {error.name}, which the extra `ml` brings: in a copy of the repository, "
            "pip install --constraint constraints.txt '.[cloud,ml]'."
        ) from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda word: bar.update(task, description=word)
