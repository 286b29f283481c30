"""The record of changes, in PostgreSQL."""

import uuid
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel
from sqlalchemy import select
from sqlmodel import col

from cloud import changes, request_id
from cloud.changes import Change, ChangeKind, ChangeRow, Entity, Operator
from cloud.identity.schemas import Caller, Role


class Thing(BaseModel):
    name: str
    qty: int = 1
    access_token: str = "tzg_secret"


async def recorded(session: Any, organization_id: uuid.UUID) -> list[ChangeRow]:
    statement = select(ChangeRow).where(col(ChangeRow.organization_id) == organization_id).order_by(col(ChangeRow.id))
    return list(await session.scalars(statement))


@pytest.fixture
def caller() -> Caller:
    return Caller(7, uuid.uuid4(), Role.PLANNER)


async def test_a_change_says_who_what_when_with_which_request_and_what_differs(session, caller):
    request_id.begin("r-42")
    await changes.record(
        session,
        caller,
        Entity.STAGE,
        12,
        ChangeKind.UPDATED,
        before=Thing(name="a", qty=1),
        after=Thing(name="a", qty=2),
    )
    [row] = await recorded(session, caller.organization_id)
    assert (row.actor, row.entity, row.entity_id, row.kind, row.request_id) == (
        "user:7",
        "stage",
        "12",
        "updated",
        "r-42",
    )
    assert (row.before, row.after) == ({"qty": 1}, {"qty": 2})
    assert row.at is not None
    assert row.xid is not None


async def test_secrets_are_blanked(session, caller):
    made = {"name": "g", "password_hash": "$argon2id$..", "deep": {"token": "tzg_x"}}
    await changes.record(session, caller, Entity.GATEWAY, "g", ChangeKind.CREATED, after=made)
    await changes.record(session, caller, Entity.GATEWAY, "g", ChangeKind.DELETED, before=Thing(name="g"))
    first, second = await recorded(session, caller.organization_id)
    assert first.after == {"name": "g", "password_hash": "[redacted]", "deep": {"token": "[redacted]"}}
    assert second.before == {"name": "g", "qty": 1, "access_token": "[redacted]"}


async def test_an_update_that_changes_nothing_is_no_change(session, caller):
    thing = Thing(name="a")
    await changes.record(session, caller, Entity.STAGE, 1, ChangeKind.UPDATED, before=thing, after=thing)
    assert await recorded(session, caller.organization_id) == []


async def test_several_changes_keep_their_order(session, caller):
    done = [Change(Entity.STAGE, number, ChangeKind.CREATED) for number in range(5)]
    await changes.record_all(session, caller, done)
    assert [row.entity_id for row in await recorded(session, caller.organization_id)] == list("01234")


async def test_an_operator_is_named_so(session):
    operator = Operator(uuid.uuid4())
    await changes.record(session, operator, Entity.USER, 3, ChangeKind.CREATED)
    assert [row.actor for row in await recorded(session, operator.organization_id)] == ["operator"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE change SET actor = 'nobody'", "DELETE FROM change", "TRUNCATE change", "DELETE FROM ONLY change"],
)
async def test_nobody_alters_the_record(database, database_url, caller, statement):
    async with database.transaction() as session:
        await changes.record(session, caller, Entity.STAGE, 1, ChangeKind.CREATED)
    with psycopg.connect(database_url, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM change").fetchone()[0] > 0


async def test_many_changes_are_written_down_as_one_is(session, caller):
    awkward = {"text": 'a\tb\nc\\N \\. "ü"', "none": None, "deep": {"n": [1, 2.5, True]}, "token": "tzg_x"}
    done = [
        Change(Entity.STAGE, number, ChangeKind.UPDATED, before={"n": number}, after={"n": number + 1, **awkward})
        if number % 2
        else Change(Entity.STAGE, number, ChangeKind.GRANTED, subject_id=9)
        for number in range(300)
    ]
    alone = Operator(uuid.uuid4(), caller.actor)
    for change in done:
        await changes.record_all(session, alone, [change])
    await changes.record_all(session, caller, done)

    def content(row: ChangeRow) -> tuple[Any, ...]:
        return row.actor, row.kind, row.entity, row.entity_id, row.subject_id, row.request_id, row.before, row.after

    one_by_one = [content(row) for row in await recorded(session, alone.organization_id)]
    assert [content(row) for row in await recorded(session, caller.organization_id)] == one_by_one
    assert len(one_by_one) == len(done)
