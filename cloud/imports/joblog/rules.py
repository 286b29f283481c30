"""Owns what a row of a job log means, as dirty as it comes: repaired where it can mean one thing only, else refused.

Pure. Of start, end and duration each two give the third. What a repair made of a cell is noted, and nothing is scaled.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from cloud.imports.cells import Cells, Note, Refused
from cloud.joblogs.schemas import SECONDS, Entry, Flag, JobState
from cloud.kpi.joblog import UNACCOUNTED_S, UNACCOUNTED_SHARE

EPOCH = "lies in 1970, which is how an unset clock is written"
# nobody writes down what was done tomorrow; a clock may be a day wrong
AHEAD = timedelta(days=1)
# a row of a month is a row that nobody closed
LONGEST_S = 31 * 86_400.0
_CODE, _NAME = 64, 200
_CLOCK = re.compile(r"(\d{1,4}):([0-5]?\d)(?::([0-5]?\d)(?:[.,](\d{1,6}))?)?")
_SPELLED = {1: ("", "s", "sn", "sec", "saniye"), 60: ("m", "min", "dk", "dakika"), 3600: ("h", "sa", "saat")}
_UNITS = {word: size for size, words in _SPELLED.items() for word in words}
_AMOUNT = re.compile(r"([-+]?\d+(?:[.,]\d+)?)\s*([a-z]*)\.?")


@dataclass(frozen=True, slots=True)
class Judged:
    """A row that comes, and what was repaired in it."""

    entry: Entry
    notes: Sequence[Note]
    content: bytes


@dataclass(frozen=True, slots=True)
class Times:
    """When a row was: None as end is open."""

    start: datetime
    end: datetime | None
    duration_s: float | None


def digest(cells: Mapping[str, str | None], *, without: Iterable[str] = ()) -> bytes:
    """Return what tells a row from another; `without` leaves columns out."""
    kept = sorted((name, (cell or "").strip()) for name, cell in cells.items() if name not in set(without))
    return hashlib.sha256(repr(kept).encode("utf-8", "replace")).digest()[:16]


def judge(given: Mapping[str, str | None], zone: tzinfo, states: Mapping[str, str], now: datetime) -> Judged:
    """Return what a row means.

    Args:
        given: Its cells, by our names.
        zone: Of its times.
        states: What the words of its state mean, in lower case.
        now: UTC.

    Raises:
        Refused: It can mean nothing, or more than one thing.
    """
    cells = Cells(given, zone)
    content = digest(given, without=("id",))
    machine = _key(cells, "machine")
    if machine is None:
        raise cells.refuse("machine", "is empty; a row belongs to a machine")
    state = _state(cells, states)
    seconds = {name: _column(cells, name) for name in SECONDS}
    times = _times(cells, state, sum(seconds.values()), now)
    if times.end is None and state is JobState.CLOSED:
        raise cells.refuse("end_time", "is missing, and nothing in the row says how long it lasted")
    emp_id, name = _operator(cells)
    entry = Entry(
        source_id=_key(cells, "id") or f"#{content.hex()}",
        digest=digest(given),
        machine=machine,
        start_time=times.start,
        end_time=times.end,
        state=state,
        job_number=_key(cells, "job_number"),
        part_number=_key(cells, "part_number"),
        emp_id=emp_id,
        operator_name=name,
        op_number=_key(cells, "op_number"),
        parts_produced=_pieces(cells),
        job_duration_s=times.duration_s,
        seconds=seconds,
        flags=[],
    )
    flags = list(_flags(entry, is_repaired=bool(cells.notes)))
    return Judged(replace(entry, flags=flags), cells.notes, content)


def has_epoch(given: Mapping[str, str | None]) -> bool:
    """Return whether a row has a time in 1970."""
    return any(_is_epoch(given.get(name)) for name in ("start_time", "end_time"))


def seconds_of(words: str) -> float | None:
    """Return how many seconds a text means: 90, 1:30:00, 45 min, 1,5 h, 1h 30m; None where it means nothing."""
    said = words.strip().lower()
    sign = -1.0 if said.startswith("-") else 1.0
    match = _CLOCK.fullmatch(said.lstrip("+-"))
    if match:
        hours, minutes, seconds, fraction = match.groups()
        return sign * (int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0) + float(f"0.{fraction or 0}"))
    found, at = [], 0
    for amount in _AMOUNT.finditer(said):
        if said[at : amount.start()].strip() or amount[2] not in _UNITS:
            return None
        found.append(float(amount[1].replace(",", ".")) * _UNITS[amount[2]])
        at = amount.end()
    return sum(found) if found and not said[at:].strip() else None


def overlaps(spans: Iterable[tuple[str, datetime, datetime, str]]) -> Iterator[tuple[str, str, str, float]]:
    """Return where rows of one machine are at the same time: machine, the later row, the one before it, seconds.

    Args:
        spans: Machine, start, end and name of each row, in any order.
    """
    last: tuple[str, datetime, str] | None = None
    for machine, start, end, name in sorted(spans):
        if last is not None and last[0] == machine:
            if start < last[1]:
                yield machine, name, last[2], (min(end, last[1]) - start).total_seconds()
            if end <= last[1]:
                continue
        last = machine, end, name


def _times(cells: Cells, state: JobState, accounted_s: float, now: datetime) -> Times:
    start, end, duration = _moment(cells, "start_time"), _moment(cells, "end_time"), _duration(cells)
    if start is None and (end is None or duration is None):
        raise cells.refuse("start_time", "is missing, and end and duration do not both say it")
    if start is None and end is not None and duration is not None:
        start = end - timedelta(seconds=duration)
        cells.note("start_time", f"was taken from end and duration: {start:%Y-%m-%d %H:%M:%S}Z")
    assert start is not None  # noqa: S101 - of the two cases above
    if start > now + AHEAD:
        raise cells.refuse("start_time", "lies in the future")
    if end is not None and end <= start:
        if duration is None:
            raise cells.refuse("end_time", "is not after the start, and there is no duration")
        cells.note("end_time", "is not after the start; taken from the duration")
        end = start + timedelta(seconds=duration)
    if end is None and state is JobState.OPENED and duration is None:
        return Times(start, None, None)
    if end is None and duration is None and accounted_s > 0:
        duration = accounted_s
        cells.note("end_time", f"is missing; taken from the sum of the time columns, {accounted_s:g} s")
    elif end is None and duration is not None and state is JobState.CLOSED:
        cells.note("end_time", "is missing; taken from start and duration")
    if end is None and duration is not None:
        end = start + timedelta(seconds=duration)
    elif end is not None and duration is None:
        duration = (end - start).total_seconds()
        cells.note("job_duration", f"taken from start and end: {duration:g} s")
    if duration is not None and duration > LONGEST_S:
        raise cells.refuse(
            "job_duration", f"is {duration / 86_400:.0f} days; more than 31 are a row that nobody closed"
        )
    return Times(start, end, duration)


def _moment(cells: Cells, name: str) -> datetime | None:
    value = cells.raw(name)
    if value is None or str(value).startswith("0000-00-00"):
        return None
    if _is_epoch(value):
        cells.note(name, EPOCH)
        return None
    return cells.moment(name)


def _is_epoch(value: object) -> bool:
    # also a day off, for it was written in some zone
    words = str(value or "").strip()
    return words.startswith(("1970-01-0", "1969-12-31", "01.01.1970", "1970/01/0")) or words in {"0", "0.0"}


def _duration(cells: Cells) -> float | None:
    value = cells.raw("job_duration")
    if value is None:
        return None
    found = _number(cells, "job_duration")
    if found is None:
        cells.note("job_duration", "is no duration that can be read")
    elif found <= 0:
        cells.note("job_duration", "is not above 0")
        return None
    return found


def _column(cells: Cells, name: str) -> float:
    if cells.raw(name) is None:
        return 0.0
    found = _number(cells, name)
    if found is None:
        cells.note(name, "is no duration that can be read; taken as 0 s, and what is missing is unaccounted")
    elif found < 0:
        cells.note(name, "is below 0; taken as 0 s, and what is missing is unaccounted")
    return max(found or 0.0, 0.0)


def _number(cells: Cells, name: str) -> float | None:
    words = str(cells.raw(name)).strip()
    try:
        found: float | None = float(words)
    except ValueError:
        found = seconds_of(words)
        if found is not None:
            cells.note(name, f"was text; taken as {found:g} s")
    # no infinity, no NaN, and nothing that no clock counts to
    return found if found is not None and abs(found) < 1e9 else None


def _pieces(cells: Cells) -> int | None:
    value = cells.raw("parts_produced")
    if value is None:
        return None
    try:
        found = float(str(value).strip().replace(",", "."))
    except ValueError:
        found = float("nan")
    if not 0 <= found < 2**31 or found != int(found):
        cells.note("parts_produced", "is no number of pieces; taken as unknown")
        return None
    return int(found)


def _operator(cells: Cells) -> tuple[str | None, str | None]:
    emp_id, name = _key(cells, "emp_id"), _key(cells, "operator_name", _NAME)
    if emp_id is None and name is not None:
        cells.note("emp_id", f"is empty; the operator's name was taken: {name}")
        return name[:_CODE], name
    return emp_id, name


def _key(cells: Cells, name: str, longest: int = _CODE) -> str | None:
    if cells.raw(name) is None:
        return None
    try:
        words = " ".join(cells.text(name).split())
    except Refused:
        return None
    if len(words) > longest:
        cells.note(name, f"is longer than {longest} characters; the rest was left out")
    return words[:longest].strip() or None


def _state(cells: Cells, states: Mapping[str, str]) -> JobState:
    value = cells.raw("state")
    found = states.get(str(value).strip().lower()) if value is not None else None
    if found is not None:
        return JobState(found)
    has_end = cells.raw("end_time") is not None and not _is_epoch(cells.raw("end_time"))
    state = JobState.CLOSED if has_end or cells.raw("job_duration") is not None else JobState.OPENED
    if value is not None:
        cells.note("state", f"is neither OPENED nor CLOSED; taken as {state.value}")
    return state


def _flags(entry: Entry, *, is_repaired: bool) -> Iterator[Flag]:
    if is_repaired:
        yield Flag.REPAIRED
    if entry.emp_id is None:
        yield Flag.NO_OPERATOR
    if entry.job_duration_s is None:
        return
    allowed = max(UNACCOUNTED_S, UNACCOUNTED_SHARE * entry.job_duration_s)
    if abs(entry.job_duration_s - sum(entry.seconds.values())) > allowed:
        yield Flag.UNACCOUNTED
    if entry.end_time is not None:
        lasted = (entry.end_time - entry.start_time).total_seconds()
        if abs(lasted - entry.job_duration_s) > allowed:
            yield Flag.DURATION_DIFFERS
