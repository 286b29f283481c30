"""What the doctor found: sections of facts, findings and tables, worst first, and their JSON; pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edge.drivers.inspection import Alternative, Finding, Severity

# the worst first
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Row:
    """One tag, as it was read once.

    Attributes:
        tag: Its name.
        raw: What the source sent, as it is shown.
        decoded: The value before scaling, as it is shown.
        value: The value as the gateway would keep it (scale, offset, range and words applied), as it is shown.
        unit: Of `value`.
        quality: `good`, `uncertain` or `bad`, after shaping.
        code: The protocol's word for the quality.
        age_s: How far the source's time lies behind the gateway's; negative if it lies ahead; None if it gave none.
        alternatives: Other ways to read the same words.
        server_time: When the server learned of it, UTC to the microsecond, where that is kept too; None elsewhere.
    """

    tag: str
    raw: str
    decoded: str
    value: str
    unit: str
    quality: str
    code: str
    age_s: float | None
    alternatives: Sequence[Alternative] = ()
    server_time: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A device's tags."""

    device: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that was looked at: a connection, the cloud, the disk."""

    name: str
    findings: Sequence[Finding] = ()
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()

    def sorted(self) -> list[Finding]:
        """Return the findings, the worst first."""
        return sorted(self.findings, key=lambda finding: _ORDER[finding.severity])

    @property
    def worst(self) -> Severity | None:
        """How bad the worst finding is."""
        return min((finding.severity for finding in self.findings), key=_ORDER.__getitem__, default=None)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "findings": [asdict(finding) for finding in self.sorted()],
            "facts": dict(self.facts),
            "devices": [{"name": table.device, "tags": [_row(row) for row in table.rows]} for table in self.tables],
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at, and what it took."""

    file: str
    gateway: str
    version: str
    took_s: float
    sections: Sequence[Section] = field(default_factory=tuple)

    def count(self, severity: Severity) -> int:
        """Return how many findings are of this severity."""
        return sum(finding.severity is severity for section in self.sections for finding in section.findings)

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found that keeps the gateway from its work."""
        return not self.count(Severity.ERROR)

    def document(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "ok": self.is_sound,
            "file": self.file,
            "gateway": self.gateway,
            "version": self.version,
            "took_s": round(self.took_s, 3),
            "counts": {f"{severity}s": self.count(severity) for severity in Severity},
            "sections": [section.document() for section in self.sections],
        }


def _row(row: Row) -> dict[str, Any]:
    return {**asdict(row), "alternatives": [asdict(alternative) for alternative in row.alternatives]}
