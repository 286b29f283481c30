"""Owns how a figure is held against what is asked of it: a line that says so, and an exit code at the end."""

from dataclasses import dataclass, field


@dataclass
class Verdicts:
    """The figures of one benchmark that something is asked of."""

    missed: list[str] = field(default_factory=list)

    def at_least(self, what: str, figure: float, target: float, unit: str = "") -> None:
        """Print a figure that should be as large as the target."""
        self._tell(what, figure, f">= {_plain(target)}{unit}", unit, is_held=figure >= target)

    def at_most(self, what: str, figure: float, target: float, unit: str = "") -> None:
        """Print a figure that should be no larger than the target."""
        self._tell(what, figure, f"<= {_plain(target)}{unit}", unit, is_held=figure <= target)

    def exit_code(self) -> int:
        """Return 0 if all was held."""
        return int(bool(self.missed))

    def _tell(self, what: str, figure: float, target: str, unit: str, *, is_held: bool) -> None:
        if not is_held:
            self.missed.append(what)
        print(
            f"{what:<58} {_plain(figure) + unit:>16}   asked {target:<18} {'held' if is_held else 'MISSED'}", flush=True
        )


def _plain(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:,.3g}"
