"""Owns how facts lie in their rows: a column each, so that they can be added up where they are."""

from collections.abc import Mapping
from typing import Any

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts

TIMES = {category: f"{category.value}_us" for category in Category}
PIECES = {kind: kind.value for kind in PieceKind}
IDEALS = {kind: f"ideal_{kind.value}_us" for kind in PieceKind}
OTHERS = ("without_ideal", "overtime_pieces", "failures", "repair_us")
COLUMNS = (*TIMES.values(), *PIECES.values(), *IDEALS.values(), *OTHERS)
# A counter that is read wrongly can make more pieces than a bigint holds of their ideal time. Nine years of it in an
# hour are as wrong as more, and show as much (`standard_suspect`); and so thousands of such hours still add up.
MOST = 2**48
SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in COLUMNS)
"""What a statement selects to add rows up."""


def columns(facts: Facts) -> dict[str, int]:
    """Return facts as the values of a row."""
    values = {
        **{name: facts.time_us.get(category, 0) for category, name in TIMES.items()},
        **{name: facts.pieces.get(kind, 0) for kind, name in PIECES.items()},
        **{name: facts.ideal_us.get(kind, 0) for kind, name in IDEALS.items()},
        **{name: getattr(facts, name) for name in OTHERS},
    }
    return {name: max(-MOST, min(value, MOST)) for name, value in values.items()}


def facts(row: Mapping[str, Any]) -> Facts:
    """Return a row's values, or sums of such, as facts."""
    return Facts(
        {category: int(row[name]) for category, name in TIMES.items() if row[name]},
        {kind: int(row[name]) for kind, name in PIECES.items() if row[name]},
        {kind: int(row[name]) for kind, name in IDEALS.items() if row[name]},
        **{name: int(row[name] or 0) for name in OTHERS},
    )
