"""Owns what can be done with organizations and users."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import bindparam, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.db import Database
from cloud.errors import Conflict, NotFound, TooMany, Unauthenticated
from cloud.identity import messages, rules
from cloud.identity.models import LoginFailures, Organization, User
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Caller, Credentials, OrganizationOut, Role, UserOut


class LoginFailed(Unauthenticated):
    """Name or password is wrong; which of them is not said. The attempt stays counted."""

    code = "LOGIN_FAILED"
    keeps_changes = True


# asked by every request, so built once
_CALLER = select(col(User.organization_id), col(User.role)).where(
    col(User.id) == bindparam("user_id"), col(User.is_active)
)


async def caller(session: AsyncSession, user_id: int) -> Caller | None:
    """Return an active user as a caller, or None."""
    row = (await session.execute(_CALLER, {"user_id": user_id})).one_or_none()
    return None if row is None else Caller(user_id, row.organization_id, row.role)


async def user(session: AsyncSession, who: Caller) -> UserOut:
    """Return the caller, as they are shown."""
    return UserOut.model_validate(await session.get_one(User, who.user_id))


async def sign_in(
    database: Database, credentials: Credentials, passwords: Passwords, address: str, now: datetime | None = None
) -> int:
    """Return the id of the user whose name and password these are.

    In two transactions, with none open while the password is hashed: hashing takes its time and its turn, and logins
    that wait for it would hold every connection there is.

    Raises:
        TooMany: The account or the address failed too often lately; carries how long to wait.
        LoginFailed: Name or password is wrong, or the user is not active.
    """
    now = now or datetime.now(UTC)
    # in one order for everybody, so that two logins never block each other
    limits = {f"address:{address}": rules.ADDRESS_LIMIT, f"user:{credentials.username}": rules.ACCOUNT_LIMIT}
    named = select(User).where(col(User.username) == credentials.username)
    async with database.transaction() as session:
        await _throttle(session, limits, now)
        found = (await session.execute(named)).scalar_one_or_none()
    is_right, better_hash = await passwords.verified(
        credentials.password.get_secret_value(), found.password_hash if found is not None else None
    )
    async with database.transaction() as session:
        # of many guesses made at once, those beyond the limit learn nothing, not even the right one
        await _throttle(session, limits, now)
        if found is None or not is_right or not found.is_active or found.id is None:
            for subject in limits:
                await _count_failure(session, subject, now)
            await _forget_old_failures(session, now)
            raise LoginFailed(messages.LOGIN_FAILED)
        if better_hash is not None:
            same = update(User).where(col(User.id) == found.id, col(User.password_hash) == found.password_hash)
            await session.execute(same.values(password_hash=better_hash))
        await session.execute(delete(LoginFailures).where(col(LoginFailures.subject) == f"user:{credentials.username}"))
    return found.id


async def create_organization(session: AsyncSession, name: str) -> OrganizationOut:
    """Create an organization.

    Raises:
        Conflict: There is one of this name.
    """
    statement = insert(Organization).values(name=name).on_conflict_do_nothing().returning(Organization)
    created = (await session.execute(statement)).scalar_one_or_none()
    if created is None:
        raise Conflict(messages.ORGANIZATION_TAKEN, organization=name)
    return OrganizationOut.model_validate(created)


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
    session: AsyncSession, organization_id: uuid.UUID, username: str, role: Role, password: str, passwords: Passwords
) -> UserOut:
    """Create a user.

    Raises:
        Conflict: The name is taken, here or in another organization.
        Invalid: The password is not good enough.
    """
    statement = (
        insert(User)
        .values(
            organization_id=organization_id,
            username=username,
            role=role,
            password_hash=await passwords.hashed(password),
        )
        .on_conflict_do_nothing()
        .returning(User)
    )
    created = (await session.execute(statement)).scalar_one_or_none()
    if created is None:
        raise Conflict(messages.USERNAME_TAKEN, username=username)
    return UserOut.model_validate(created)


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


async def set_password(session: AsyncSession, username: str, password: str, passwords: Passwords) -> None:
    """Give a user another password.

    Raises:
        NotFound: There is no such user.
        Invalid: The password is not good enough.
    """
    statement = (
        update(User)
        .where(col(User.username) == username)
        .values(password_hash=await passwords.hashed(password))
        .returning(col(User.id))
    )
    if (await session.execute(statement)).one_or_none() is None:
        raise NotFound(messages.USER_NOT_FOUND, username=username)


async def _throttle(session: AsyncSession, limits: dict[str, int], now: datetime) -> None:
    # locked until the transaction ends, so that each counts what the others did
    known = select(LoginFailures).where(col(LoginFailures.subject).in_(limits)).order_by(col(LoginFailures.subject))
    for row in await session.scalars(known.with_for_update()):
        wait_s = rules.wait_s(row.failures, row.since, limits[row.subject], now)
        if wait_s > 0:
            raise TooMany(messages.LOGIN_THROTTLED, retry_after_s=wait_s)


async def _count_failure(session: AsyncSession, subject: str, now: datetime) -> None:
    fresh = insert(LoginFailures).values(subject=subject, failures=1, since=now)
    is_over = col(LoginFailures.since) <= now - rules.WINDOW
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["subject"],
            set_={
                "failures": case((is_over, 1), else_=col(LoginFailures.failures) + 1),
                "since": case((is_over, now), else_=col(LoginFailures.since)),
            },
        )
    )


async def _forget_old_failures(session: AsyncSession, now: datetime) -> None:
    # names that nobody has are counted too, and nobody would ever clear them; skipping what others hold
    # keeps two failures at once from waiting for each other
    old = select(col(LoginFailures.subject)).where(col(LoginFailures.since) <= now - rules.WINDOW)
    subjects = old.limit(100).with_for_update(skip_locked=True)
    await session.execute(delete(LoginFailures).where(col(LoginFailures.subject).in_(subjects)))
