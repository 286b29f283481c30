"""Owns how a row of a job log becomes stretches of time: which column is which element, and where it is laid.

A row of a CIMCO MDC job log says how long its twelve columns lasted, not when. They are laid one after the other from
the row's start, in the order of `COLUMNS`: which minute was which is made up, and says so (`is_laid_out`); how long
each lasted is exact. What the columns leave of the row is unaccounted, hence unknown; what they exceed it by is told
and cut off at the end, never scaled away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud.kpi.elements import Loss, TimeElement
from cloud.kpi.ledger import Reason
from cloud.kpi.spans import SECOND, Span
from shared.reading import MachineState


@dataclass(frozen=True, slots=True)
class Column:
    """What a column's time is: the state it is kept as, and the reason where the state does not say enough.

    Attributes:
        name: As the house calls it; the table's own column is `RunningTime` and so on.
        label_en: For people.
        label_tr: The same.
    """

    name: str
    state: MachineState
    element: TimeElement
    loss: Loss | None
    label_en: str
    label_tr: str
    is_planned: bool = False

    @property
    def reason(self) -> Reason | None:
        """The reason that its time is given; none where the machine ran."""
        if self.element is TimeElement.APT:
            return None
        return Reason(self.code, self.element, self.loss, is_planned=self.is_planned)

    @property
    def code(self) -> str:
        """The reason's code."""
        return f"cimco.{self.name}"


_IDLE, _STOP = MachineState.IDLE, MachineState.PLANNED_STOP
_ADET, _PDOT = TimeElement.ADET, TimeElement.PDOT
COLUMNS: Sequence[Column] = (
    Column("setup", MachineState.SETUP, TimeElement.AUST, Loss.SETUP_ADJUSTMENT, "Setup", "Hazırlık"),
    Column("waiting_setup", _IDLE, _ADET, Loss.MINOR_STOP, "Waiting for setup", "Hazırlık bekleme"),
    Column("tooling", _IDLE, _ADET, Loss.MINOR_STOP, "Tooling", "Takım değişimi"),
    Column("running", MachineState.PRODUCING, TimeElement.APT, None, "Running", "Çalışma"),
    Column("not_feeding", _IDLE, _ADET, Loss.MINOR_STOP, "Not feeding", "Besleme yok"),
    Column("adjustment", _IDLE, _ADET, Loss.MINOR_STOP, "Adjustment", "Ayar"),
    Column("dressing", _IDLE, _ADET, Loss.MINOR_STOP, "Dressing", "Taş bileme"),
    Column("buy_in", _IDLE, _ADET, Loss.MINOR_STOP, "Buy-in", "Onay bekleme"),
    Column("maintenance", MachineState.MAINTENANCE, _ADET, Loss.BREAKDOWN, "Maintenance", "Bakım"),
    Column("engineering", _STOP, _PDOT, None, "Engineering", "Mühendislik", is_planned=True),
    Column("break_shift_change", _STOP, _PDOT, None, "Break, shift change", "Mola, vardiya değişimi", is_planned=True),
    Column("idle", _IDLE, TimeElement.ADOT, Loss.MINOR_STOP, "Idle", "Boşta"),
)
"""Which column is what, by default, in the order in which they are laid; a plant may give its own."""
BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}

# more than this unaccounted flags the row
UNACCOUNTED_S, UNACCOUNTED_SHARE = 60, 0.01


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A row as time.

    Attributes:
        stretches: Column and span, in order, without overlap.
        unaccounted_s: Row minus columns; negative where the columns say more than the row lasted.
        is_flagged: That is more than 60 s and more than 1 % of the row.
    """

    stretches: Sequence[tuple[Column, Span]]
    unaccounted_s: float
    is_flagged: bool
    is_laid_out: bool = True


def lay_out(row: Span, seconds: Mapping[str, float], columns: Sequence[Column] = COLUMNS) -> LaidOut:
    """Lay a row's columns one after the other into its span.

    Args:
        row: From its start to its end.
        seconds: How long each column lasted, by name; an absent one lasted 0 s.
        columns: What they are.

    Raises:
        ValueError: A column is unknown, or lasted less than 0 s: repairs are the importer's, and are told.
    """
    unknown = seconds.keys() - {column.name for column in columns}
    if unknown:
        raise ValueError(f"a job log has no column {min(unknown)}")
    at = row.start
    laid = []
    for column in columns:
        lasted = round(seconds.get(column.name, 0) * SECOND)
        if lasted < 0:
            raise ValueError(f"{column.name} lasted {seconds[column.name]} s, which is less than 0")
        part = Span(at, at + lasted).clip(row)
        if part.length:
            laid.append((column, part))
        at += lasted
    unaccounted = (row.end - at) / SECOND
    allowed = max(UNACCOUNTED_S, UNACCOUNTED_SHARE * row.length / SECOND)
    return LaidOut(laid, unaccounted, abs(unaccounted) > allowed)
