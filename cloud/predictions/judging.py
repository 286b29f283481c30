"""Owns the judgement of what a plant's own logs would allow: read, learned, and held against simple rules."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table as Sheet
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from cloud import tomlfile
from cloud.errors import BadRequest
from cloud.predictions import messages
from cloud.predictions.exports import Verdict
from cloud.predictions.features import Instants, features
from cloud.predictions.files import read_history
from cloud.predictions.history import DAY, HOUR, SECOND, History
from cloud.predictions.importance import shown
from cloud.predictions.mapping import Mapping
from cloud.predictions.outcomes import grid, outcomes
from cloud.predictions.splitting import Cuts, cuts
from cloud.predictions.training import Learned, Plan, Task, TooLittle, train

# features look back a week and more; before that there is little to tell
_WARM = 14 * DAY
_REFUSED_SHOWN = 10
_TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be judged: horizon and step in hours, UTC days between which it is tested."""

    horizon: int = 24
    algorithm: str = "hist_gradient_boosting"
    step: int = 1
    test_from: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What was read, and what was learned from it."""

    verdict: Verdict
    learned: Learned
    horizon: int

    @property
    def may_serve(self) -> bool:
        """Whether the model is surely better than every simple rule."""
        return self.learned.may_serve

    def show(self, out: Console) -> None:
        """Print it as tables."""
        verdict, learned, horizon = self.verdict, self.learned, self.horizon
        read = Sheet(box=None, header_style="bold")
        for name in ("table", "file", "rows", "taken", "refused"):
            read.add_column(name, justify="left" if name in {"table", "file"} else "right")
        for each in verdict.tables:
            read.add_row(each.table, each.file, f"{each.read:,}", f"{each.taken:,}", f"{each.read - each.taken:,}")
        out.print(read)
        for refused in verdict.refused[:_REFUSED_SHOWN]:
            out.print(f"  {refused.file}:{refused.line}: {refused.reason}", highlight=False, markup=False)
        if len(verdict.refused) > _REFUSED_SHOWN:
            out.print(f"  and {len(verdict.refused) - _REFUSED_SHOWN:,} more; --json has them all")
        scores = Sheet(box=None, header_style="bold")
        for name in ("", "Brier", "calibration error", "precision-recall", "lift"):
            scores.add_column(name, justify="left" if not name else "right")
        for name, score in sorted(learned.scores.items(), key=lambda each: each[1].brier):
            cells = (f"{score.brier:.4f}", f"{score.calibration_error:.4f}", f"{score.pr_auc:.3f}", f"{score.lift:.2f}")
            scores.add_row(name.replace("_", " "), *cells)
        came = learned.scores["model"].prevalence
        out.print(f"\nAn unplanned stop within {horizon} h came after {came:.1%} of {learned.rows['test']:,} looks:\n")
        out.print(scores)
        if all(math.isfinite(each.bias) for each in learned.minutes.values()):
            out.print("\nThe minutes of such stops that each would have had expected:\n")
            out.print(self._minutes())
            found = learned.minutes_gain
            told = f"deviance smaller by {found.value:.1%}, {found.lower:.1%} to {found.upper:.1%} at {found.level:.0%}"
            who = "The model also says" if found.excludes_zero else "Each machine's mean, not the model, says"
            out.print(f"\n{who} how long a stop lasts: learned from such looks, {told}.")
        else:
            out.print("\nOf how many minutes such stops take nothing is said: those in the time of judging have none.")
        out.print("\nWhat the model leans on: how much worse its Brier score is without what these columns tell:\n")
        out.print(self._leans_on())
        gain, rival = learned.gain, learned.best_rival.replace("_", " ")
        bounds = f"{gain.lower:.4f} to {gain.upper:.4f} at {gain.level:.0%}"
        if learned.may_serve:
            out.print(f"\nThe model is better than the best rule ({rival}): Brier gain {gain.value:.4f}, {bounds}.")
        else:
            out.print(f"\nThe model is not surely better than the best rule ({rival}): {bounds}. The rule would serve.")

    def _minutes(self) -> Sheet:
        sheet = Sheet(box=None, header_style="bold")
        for name in ("", "too many", "deviance", "lift"):
            sheet.add_column(name, justify="left" if not name else "right")
        for name, each in sorted(self.learned.minutes.items(), key=lambda each: each[1].deviance):
            sheet.add_row(name.replace("_", " "), f"{each.bias:+.0%}", f"{each.deviance:.2f}", f"{each.lift:.2f}")
        return sheet

    def _leans_on(self) -> Sheet:
        sheet = Sheet(box=None, header_style="bold")
        for name in ("", "columns", "worse by", "95 % interval", "says much the same as"):
            sheet.add_column(name, justify="left" if not name or name.startswith("says") else "right")
        for each in self.learned.leans_on:
            bounds = f"{each.loss.lower:.4f} to {each.loss.upper:.4f}"
            sheet.add_row(each.group, str(each.features), f"{each.loss.value:.4f}", bounds, ", ".join(each.tied_to))
        return sheet

    def document(self) -> dict[str, object]:
        """Return it for a program."""
        learned = self.learned
        return {
            "tables": [asdict(each) for each in self.verdict.tables],
            "refused": [asdict(each) for each in self.verdict.refused],
            "scores": {name: asdict(score) for name, score in learned.scores.items()},
            "minutes": {name: score.written() for name, score in learned.minutes.items()},
            "minutes_gain": asdict(learned.minutes_gain),
            "tells_minutes": learned.minutes_gain.excludes_zero,
            "best_rival": learned.best_rival,
            "gain": asdict(learned.gain),
            "skill_over_machine_rate": learned.skill_over_machine_rate,
            "may_serve": learned.may_serve,
            "parameters": dict(learned.parameters),
            "rows": dict(learned.rows),
            "leans_on": shown(learned.leans_on),
        }


def judge(directory: Path, mapping: Path, wanted: Wanted, tell: Callable[[str], None]) -> Judged:
    """Read a plant's exports, learn from them, and judge by the latest part.

    Raises:
        BadRequest: A file is not as the mapping says, or there is too little to learn from.
        Invalid: There is no such algorithm.
    """
    where = tomlfile.read(mapping, Mapping)
    history, verdict = read_history(directory, where, lambda table, rows: tell(f"{table}: {rows:,} rows read"))
    tell("features")
    task = task_of(history, wanted)
    # several threads wait for each other by turning: on a machine that has other work 5 minutes, where one takes one
    with threadpool_limits(1):
        learned = train(task, Plan(wanted.algorithm), lambda share, word: tell(f"{word}, {share:.0%}"))
    if isinstance(learned, TooLittle):
        raise BadRequest(messages.INSUFFICIENT_DATA, reason=learned.reason)
    return Judged(verdict, learned, wanted.horizon)


def task_of(history: History, wanted: Wanted) -> Task:
    """Return what is to be learned of a history: one look at each machine every step.

    Args:
        history: The past.
        wanted: Of it.

    Raises:
        BadRequest: It is too short.
    """
    begin, end = span(history)
    end = min(end, _us(wanted.until)) if wanted.until is not None else end
    instants = grid(len(history.machines), begin, end, wanted.step * HOUR)
    if not len(instants):
        raise BadRequest(messages.INSUFFICIENT_DATA, reason=messages.NO_FORTNIGHT)
    at = cuts(instants, _TEST_SHARE)
    if wanted.test_from is not None:
        test = _us(wanted.test_from)
        at = Cuts(test - int(_TEST_SHARE * (test - begin)), test)
    return looked_at(history, instants, wanted.horizon * HOUR, end, at)


def looked_at(
    history: History,
    instants: Instants,
    horizon: int,
    until: int,
    at: Cuts,
) -> Task:
    """Return what is to be learned of looks at a past that is known until an instant."""
    found = outcomes(history.stops, instants, horizon, until)
    return Task(instants, features(history, instants), found, history.stops, horizon, at)


def span(history: History) -> tuple[int, int]:
    """Return from when on there is something to look back on, and when the last thing happened.

    Raises:
        BadRequest: Nothing happened.
    """
    times = [each.at for each in (history.stops, history.alarms, history.work, history.measured) if len(each)]
    if not times:
        raise BadRequest(messages.INSUFFICIENT_DATA, reason=messages.NO_ROWS)
    return min(int(each.min()) for each in times) // HOUR * HOUR + _WARM, max(int(each.max()) for each in times)


def _us(day: datetime) -> int:
    return int(day.replace(tzinfo=UTC).timestamp()) * SECOND  # typer's days bear no zone
