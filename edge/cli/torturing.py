"""The command `torture`: shows on the buyer's own box and disk what becomes of readings when a gateway is killed."""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from edge.cli.exits import EXIT_FAILURE
from edge.cli.terminal import err, out, quiet_logs
from edge.clock import SystemClock
from edge.doctor import disk
from edge.drivers.inspection import Finding
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.torture import life
from edge.torture.receiver import Manner
from edge.torture.run import Report
from edge.torture.run import torture as kill_again_and_again

# a gateway that acknowledges too early is found out by the first kill or two
_CONTROL_KILLS = 5
_CONTROLS = 4
_SEEDS = 2**31


def torture(
    directory: Annotated[
        Path, typer.Option(help="A directory on the disk that the buffer will be on; nothing is left in it.")
    ] = Path(),
    kills: Annotated[int, typer.Option(min=1, help="How often to kill; a hundred take a minute.")] = 100,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of everything that is drawn; the one of another run repeats its draws.")
    ] = None,
) -> None:
    """Kill a gateway again and again on this machine's disk, and account for every reading.

    Needs no configuration, no machine and no cloud, and leaves a running gateway alone. Exit code 0 if every reading
    that was acknowledged arrived once and every other that is missing was told; 1 if not, and the files are kept.
    """
    quiet_logs()
    chosen = random.randrange(_SEEDS) if seed is None else seed  # noqa: S311 - nothing secret
    place = _place_in(directory)
    out.print(f"torture: {kills} kills in {directory.resolve()}, seed {chosen}")
    findings, is_proven = _tell_disk(directory), False
    try:
        with Progress(console=err, transient=True) as progress:
            bar = progress.add_task("killing", total=kills)
            report = _run(place / "run", kills, chosen, lambda number: progress.update(bar, completed=number))
            caught = _control(place, chosen)
        _tell(report, caught, findings)
        is_proven = report.verdict.is_kept and caught > 0
    finally:
        if is_proven:
            shutil.rmtree(place, ignore_errors=True)
        else:
            out.print(f"the files are kept: {place}")
    if not is_proven:
        raise typer.Exit(EXIT_FAILURE)


def _place_in(directory: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="tezgah-torture-", dir=directory))
    except OSError as error:
        raise BufferError(
            f"--directory {directory} cannot be written: {error.strerror}; name one that this user may write to"
        ) from error


def _run(
    place: Path, kills: int, seed: int, tell: Callable[[int], None], manner: life.Manner = life.Manner.HONEST
) -> Report:
    place.mkdir()
    return asyncio.run(kill_again_and_again(place, kills, seed, SystemClock(), tell, manner))


def _control(place: Path, seed: int) -> int:
    """Return how many readings a gateway lost that acknowledges before they are on disk; 0 if it was not caught."""
    for number in range(_CONTROLS):
        report = _run(place / f"control-{number}", _CONTROL_KILLS, seed + number, lambda _: None, life.Manner.HASTY)
        if report.verdict.lost:
            return report.verdict.lost
    return 0


def _tell_disk(directory: Path) -> list[Finding]:
    section = disk.examine(directory, life.MAX_BYTES, 0, os.environ)
    for name, fact in section.facts:
        if name in {"mount", "flush", "drive's cache"}:
            out.print(f"  {name}: {fact}")
    return [finding for finding in section.findings if finding.about != "buffer.max_size"]


def _tell(report: Report, caught: int, findings: list[Finding]) -> None:
    verdict, requests = report.verdict, report.requests
    bad = ", ".join(f"{requests[manner]} {manner}" for manner in Manner if manner is not Manner.WELL)
    out.print(
        f"tried in {report.seconds:.0f} s: a gateway was killed at {report.kills} instants drawn by chance, while it\n"
        "took, wrote and sent readings; each began on the files that the last had left. In "
        f"{report.cuts} lives the\nline was cut; of {sum(requests.values())} requests: {bad};\n"
        f"{report.repeated} batches came again."
    )
    for count, words in (
        (verdict.said, "readings were said"),
        (verdict.promised, "were acknowledged: they were on disk"),
        (verdict.stored, "arrived"),
        (verdict.explained, "were neither acknowledged nor arrived, and a gap tells when and why"),
        (verdict.lost, "were acknowledged and lost"),
        (verdict.unexplained, "are missing and no gap tells it"),
        (verdict.twice, "arrived twice"),
        (verdict.foreign, "arrived and were never said"),
        (verdict.changed, "arrived changed"),
        (verdict.disordered, "arrived out of order"),
    ):
        out.print(f"  {count:>12,}  {words}")
    for finding in findings:
        out.print(f"{finding.severity}: {finding.message}; {finding.fix}")
    if caught:
        out.print(
            f"control: a gateway that acknowledges before its disk has the readings lost {caught}, and was found out."
        )
    else:
        out.print("control: a gateway that acknowledges too early was NOT found out; this run proves nothing.")
    out.print("the promise was kept" if verdict.is_kept else "THE PROMISE WAS BROKEN; please report it with the files")
    out.print(
        "Not tried: a power cut. A kill leaves what the system still holds in memory, a power cut only what the\n"
        "disk has flushed, and that rests on the disk's word (the line `flush` above)."
    )
