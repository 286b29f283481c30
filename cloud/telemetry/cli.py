"""Owns the operator's commands for how long what gateways bring is kept."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.errors import Invalid
from cloud.telemetry import retention as keeping
from cloud.telemetry.schemas import Kept, RetentionOut

retention = typer.Typer(name="retention", help="How long readings are kept.", no_args_is_help=True)

_FOR_EVER = "forever"


@retention.command("show")
def show_retention(as_json: console.AsJson = False) -> None:
    """Say how many days each kind is kept, and what of it was dropped so far."""
    console.show(console.transact(keeping.shown), as_json=as_json)


@retention.command("set")
def set_retention(
    readings: Annotated[str | None, typer.Option(help="Days, or forever: what gateways read.")] = None,
    minutes: Annotated[
        str | None, typer.Option(help="Days, or forever: rollups by minute. Those by hour and day are kept.")
    ] = None,
    batches: Annotated[
        str | None,
        typer.Option(
            help="Days, or forever: whole lines of the ledger. Older ones are folded, and their batches known."
        ),
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Say how many days something is kept, by the readings' own time; what is older is dropped for good.

    The process in the background does it, within ten minutes, a day at a time, once it is rolled up.
    """
    given = {Kept.READINGS: readings, Kept.MINUTES: minutes, Kept.BATCHES: batches}
    wanted = {kind: _days(kind, said) for kind, said in given.items() if said is not None}
    if not wanted:
        raise Invalid("Nothing to set: give --readings, --minutes or --batches, each a number of days or forever.")

    async def work(session: AsyncSession) -> list[RetentionOut]:
        await keeping.set_policy(session, wanted)
        return await keeping.shown(session)

    console.show(console.transact(work), as_json=as_json)


def _days(kind: Kept, said: str) -> int | None:
    if said == _FOR_EVER:
        return None
    if not said.isdecimal() or len(said) > 6:
        raise Invalid(f"--{kind}: {said!r} is not a number of days such as 90, nor `{_FOR_EVER}`.")
    return int(said)
