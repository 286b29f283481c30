"""Owns what can be done with organizations and users; signing in is `sign_ins`."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Uuid, and_, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, db, marks, paging
from cloud.bulk import Entrance
from cloud.changes import Actor, ChangeKind, Entity, Operator
from cloud.db import Database
from cloud.errors import Conflict, Forbidden, Invalid, NotFound
from cloud.identity import messages, sign_ins, throttle
from cloud.identity.models import Organization, SignIn, User
from cloud.identity.passwords import Passwords, check
from cloud.identity.schemas import Bearer, Caller, MovedUser, OrganizationOut, RegisterIn, Role, UserOut
from cloud.paging import Page
from cloud.preconditions import WHICHEVER, Seen

# asked by every request, so built once: two look-ups by primary key
_SIGN_IN_ID = bindparam("sign_in_id", type_=Uuid())
_CALLER = (
    select(col(User.organization_id), col(User.role))
    .outerjoin(SignIn, col(SignIn.id) == _SIGN_IN_ID)
    .where(
        col(User.id) == bindparam("user_id"),
        col(User.is_active),
        or_(_SIGN_IN_ID.is_(None), and_(col(SignIn.user_id) == col(User.id), col(SignIn.ended_at).is_(None))),
    )
)


# the way in for the users of an older backend
ENTRANCE = Entrance(User, Entity.USER, MovedUser, secret=frozenset({"password_hash"}))

# PostgreSQL's own list: what it takes for a zone includes offsets and misspellings
_ZONE = text("SELECT 1 FROM pg_timezone_names WHERE name = :zone")


async def caller(session: AsyncSession, said: Bearer) -> Caller | None:
    """Return whom an access token names as a caller, or None when they are not active or have signed out."""
    found = await db.rows(session, _CALLER, {"user_id": said.user_id, "sign_in_id": said.sign_in_id})
    if not found:
        return None
    organization_id, role = found[0]
    return Caller(said.user_id, organization_id, role, said.sign_in_id)


async def user(session: AsyncSession, who: Caller) -> UserOut:
    """Return the caller, as they are shown."""
    return UserOut.model_validate(await session.get_one(User, who.user_id))


async def create_organization(session: AsyncSession, name: str) -> OrganizationOut:
    """Create an organization.

    Raises:
        Conflict: There is one of this name.
    """
    statement = insert(Organization).values(name=name).on_conflict_do_nothing().returning(Organization)
    created = (await session.execute(statement)).scalar_one_or_none()
    if created is None:
        raise Conflict(messages.ORGANIZATION_TAKEN, organization=name)
    shown = OrganizationOut.model_validate(created)
    await changes.record(
        session, Operator(shown.id), Entity.ORGANIZATION, shown.id, ChangeKind.CREATED, after={"name": name}
    )
    return shown


async def set_time_zone(session: AsyncSession, name: str, zone: str) -> OrganizationOut:
    """Say in which time zone an organization's days begin.

    Raises:
        NotFound: There is no organization of this name.
        Invalid: There is no such time zone.
    """
    known = await organization_named(session, name)
    await _require_time_zone(session, zone)
    of_it = update(Organization).where(col(Organization.id) == known.id)
    await session.execute(of_it.values(time_zone=zone), execution_options={"synchronize_session": False})
    shown = known.model_copy(update={"time_zone": zone})
    await changes.record(
        session, Operator(known.id), Entity.ORGANIZATION, known.id, ChangeKind.UPDATED, before=known, after=shown
    )
    if zone != known.time_zone:
        await marks.put_everybody(session, known.id, datetime.now(UTC))
    return shown


async def time_zone(session: AsyncSession, organization_id: uuid.UUID, asked: str | None = None) -> str:
    """Return the time zone that is asked for, or the one in which the organization's days begin.

    Raises:
        Invalid: There is no such time zone.
    """
    if asked is not None:
        await _require_time_zone(session, asked)
        return asked
    found = await session.scalar(select(col(Organization.time_zone)).where(col(Organization.id) == organization_id))
    return found or "UTC"


async def _require_time_zone(session: AsyncSession, zone: str) -> None:
    if await session.scalar(_ZONE, {"zone": zone}) is None:
        raise Invalid(messages.TIME_ZONE_UNKNOWN, time_zone=zone)


async def organizations(session: AsyncSession) -> list[OrganizationOut]:
    """Return every organization, by name."""
    rows = await session.scalars(select(Organization).order_by(col(Organization.name)))
    return [OrganizationOut.model_validate(row) for row in rows]


async def organization_named(session: AsyncSession, name: str) -> OrganizationOut:
    """Return the organization of this name.

    Raises:
        NotFound: There is none.
    """
    row = (await session.scalars(select(Organization).where(col(Organization.name) == name))).one_or_none()
    if row is None:
        raise NotFound(messages.ORGANIZATION_NOT_FOUND, organization=name)
    return OrganizationOut.model_validate(row)


async def create_user(
    session: AsyncSession,
    organization_id: uuid.UUID,
    username: str,
    role: Role,
    password: str,
    passwords: Passwords,
    by: Actor | None = None,
) -> UserOut:
    """Create a user, as an operator at the command line unless somebody else is named who does it.

    Raises:
        Conflict: The name is taken, here or in another organization.
        Invalid: The password is not good enough.
    """
    password_hash = await passwords.hashed(password, username)
    return await _create_user(session, by or Operator(organization_id), username, role, password_hash)


async def register(
    database: Database,
    organization: str | None,
    given: RegisterIn,
    passwords: Passwords,
    address: str,
    now: datetime | None = None,
) -> UserOut:
    """Make an account for whoever asks, as a worker of the organization that takes newcomers, if there is one.

    In transactions of its own: an attempt counts whatever becomes of it, and none is open while the password is hashed.

    Raises:
        Forbidden: Nobody may register.
        TooMany: The address registered too often lately.
        Conflict: The name is taken.
        Invalid: The password is not good enough.
    """
    now = now or datetime.now(UTC)
    limits = throttle.of_registration(address)
    password = given.password.get_secret_value()
    check(password, given.username)
    async with database.transaction() as session:
        await throttle.require(session, limits, now)
        await throttle.count(session, limits, now)
        named = select(col(Organization.id)).where(col(Organization.name) == organization)
        organization_id = None if organization is None else await session.scalar(named)
    if organization_id is None:
        raise Forbidden(messages.REGISTRATION_CLOSED)
    password_hash = await passwords.hashed(password, given.username)
    newcomer = Operator(organization_id, actor="registration")
    async with database.transaction() as session:
        return await _create_user(session, newcomer, given.username, Role.WORKER, password_hash)


async def people(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: paging.Paging,
    role: Role | None = None,
    is_active: bool | None = None,
) -> Page[UserOut]:
    """Return a page of an organization's users, by name."""
    statement = select(User).where(col(User.organization_id) == organization_id)
    if role is not None:
        statement = statement.where(col(User.role) == role)
    if is_active is not None:
        statement = statement.where(col(User.is_active) == is_active)
    found = await paging.read(session, statement, [col(User.username)], wanted)
    return Page(
        items=[UserOut.model_validate(row[0]) for row in found.rows], next_cursor=found.next_cursor, total=found.total
    )


async def person(session: AsyncSession, organization_id: uuid.UUID, user_id: int) -> UserOut:
    """Return a user of an organization.

    Raises:
        NotFound: There is none, or it is another organization's: the same answer.
    """
    return UserOut.model_validate(await _found(session, organization_id, user_id))


async def known_ids(session: AsyncSession, organization_id: uuid.UUID, user_ids: Collection[int]) -> set[int]:
    """Return which of these are active users of an organization."""
    theirs = col(User.organization_id) == organization_id
    statement = select(col(User.id)).where(theirs, col(User.is_active), col(User.id).in_(user_ids))
    return set(await session.scalars(statement))


async def set_role(session: AsyncSession, who: Actor, user_id: int, role: Role, seen: Seen = WHICHEVER) -> UserOut:
    """Let a user do more or less; it acts with their next request.

    Raises:
        NotFound: There is no such user.
        PreconditionFailed: The user was changed since the caller looked.
        Conflict: It would leave the organization without an active admin.
    """
    user = await _locked(session, who, user_id, seen, leaves_admins=role is not Role.ADMIN)
    return await _changed(session, who, user, role=role)


async def set_active(
    session: AsyncSession, who: Actor, user_id: int, *, is_active: bool, seen: Seen = WHICHEVER
) -> UserOut:
    """Let a user in or keep them out; whoever is out is signed out everywhere, at once.

    Raises:
        NotFound: There is no such user.
        PreconditionFailed: The user was changed since the caller looked.
        Conflict: It would leave the organization without an active admin.
    """
    user = await _locked(session, who, user_id, seen, leaves_admins=not is_active)
    if not is_active:
        await sign_ins.end_all(session, user_id, "the account was deactivated")
    return await _changed(session, who, user, is_active=is_active)


async def users(session: AsyncSession, organization_id: uuid.UUID | None = None) -> list[UserOut]:
    """Return the users of an organization, or all, by name."""
    statement = select(User).order_by(col(User.username))
    if organization_id is not None:
        statement = statement.where(col(User.organization_id) == organization_id)
    return [UserOut.model_validate(row) for row in await session.scalars(statement)]


async def names(session: AsyncSession, organization_id: uuid.UUID, user_ids: Collection[int]) -> dict[int, str]:
    """Return what an organization's users are called, by id; whoever is not one of them is left out."""
    statement = select(col(User.id), col(User.username)).where(
        col(User.organization_id) == organization_id, col(User.id).in_(user_ids)
    )
    return {row.id: row.username for row in await session.execute(statement)}


async def named(session: AsyncSession, usernames: Collection[str]) -> dict[str, UserOut]:
    """Return the users of these names, of any organization, by name; a name that nobody has is left out."""
    rows = await session.scalars(select(User).where(col(User.username) == func.any(list(usernames))))
    return {row.username: UserOut.model_validate(row) for row in rows}


async def user_named(session: AsyncSession, username: str) -> UserOut:
    """Return the user of this name, of any organization.

    Raises:
        NotFound: There is none.
    """
    row = (await session.scalars(select(User).where(col(User.username) == username))).one_or_none()
    if row is None:
        raise NotFound(messages.USERNAME_UNKNOWN, username=username)
    return UserOut.model_validate(row)


async def set_password(session: AsyncSession, username: str, password: str, passwords: Passwords) -> None:
    """Give a user another password, and sign them out everywhere.

    Raises:
        NotFound: There is no such user.
        Invalid: The password is not good enough.
    """
    user = await user_named(session, username)
    better = update(User).where(col(User.id) == user.id)
    await session.execute(better.values(password_hash=await passwords.hashed(password, username)))
    await sign_ins.end_all(session, user.id, "the password was changed")
    actor, after = Operator(user.organization_id), {"password": "changed"}
    await changes.record(session, actor, Entity.USER, user.id, ChangeKind.UPDATED, before={}, after=after)


async def _create_user(session: AsyncSession, by: Actor, username: str, role: Role, password_hash: str) -> UserOut:
    statement = (
        insert(User)
        .values(organization_id=by.organization_id, username=username, role=role, password_hash=password_hash)
        .on_conflict_do_nothing()
        .returning(User)
    )
    created = (await session.execute(statement)).scalar_one_or_none()
    if created is None:
        raise Conflict(messages.USERNAME_TAKEN, username=username)
    shown = UserOut.model_validate(created)
    await changes.record(session, by, Entity.USER, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def _locked(session: AsyncSession, who: Actor, user_id: int, seen: Seen, *, leaves_admins: bool) -> User:
    # admins are locked in one order, so that of two who demote each other one comes second, and sees it
    admins = select(col(User.id)).where(
        col(User.organization_id) == who.organization_id, col(User.role) == Role.ADMIN, col(User.is_active)
    )
    active = set(await session.scalars(admins.order_by(col(User.id)).with_for_update())) if leaves_admins else set()
    user = await _found(session, who.organization_id, user_id, is_locked=True)
    seen.require(UserOut.model_validate(user))
    if active == {user_id}:
        raise Conflict(messages.LAST_ADMIN, username=user.username)
    return user


async def _found(session: AsyncSession, organization_id: uuid.UUID, user_id: int, *, is_locked: bool = False) -> User:
    statement = select(User).where(col(User.organization_id) == organization_id, col(User.id) == user_id)
    if is_locked:
        # what the session knows of the row may be older than the lock
        statement = statement.with_for_update().execution_options(populate_existing=True)
    found = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFound(messages.USER_NOT_FOUND, user_id=user_id)
    return found


async def _changed(session: AsyncSession, who: Actor, user: User, **to: object) -> UserOut:
    before = UserOut.model_validate(user)
    for name, value in to.items():
        setattr(user, name, value)
    await session.flush()
    after = UserOut.model_validate(user)
    await changes.record(session, who, Entity.USER, after.id, ChangeKind.UPDATED, before=before, after=after)
    return after
