"""Owns signing in and staying so: passwords against hashes, refresh tokens against their family, and the end of it.

No transaction is open while a password is hashed: hashing takes its time and its turn, and logins that
wait for it would hold every connection there is.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import ChangeKind, Entity
from cloud.db import Database
from cloud.errors import Conflict, Unauthenticated
from cloud.identity import messages, rules, throttle
from cloud.identity.models import RefreshToken, SignIn, User
from cloud.identity.passwords import Passwords, check
from cloud.identity.refresh_tokens import RefreshTokens
from cloud.identity.schemas import Caller, Credentials, PasswordIn, SignedIn

# how long an ended sign-in is kept, so that a token of it that comes late is still known for what it is
_REMEMBERED = timedelta(days=30)


class LoginFailed(Unauthenticated):
    """Name or password is wrong; which of them is not said. The attempt stays counted."""

    code = "LOGIN_FAILED"
    keeps_changes = True


class RefreshFailed(Unauthenticated):
    """A refresh token that opens nothing."""

    code = "REFRESH_TOKEN_INVALID"


class RefreshTokenReused(RefreshFailed):
    """A refresh token came a second time: it, or the next one, is in other hands. The whole sign-in has ended."""

    code = "REFRESH_TOKEN_REUSED"
    keeps_changes = True


async def sign_in(
    database: Database,
    credentials: Credentials,
    passwords: Passwords,
    tokens: RefreshTokens,
    lifetime: timedelta,
    address: str,
    now: datetime | None = None,
) -> SignedIn:
    """Sign in whose name and password these are, in two transactions.

    Raises:
        TooMany: The account or the address failed too often lately; carries how long to wait.
        LoginFailed: Name or password is wrong, or the user is not active.
    """
    now = now or datetime.now(UTC)
    limits = throttle.of_login(credentials.username, address)
    async with database.transaction() as session:
        await throttle.require(session, limits, now)
        named = select(User).where(col(User.username) == credentials.username)
        found = (await session.execute(named)).scalar_one_or_none()
    is_right, better_hash = await passwords.verified(
        credentials.password.get_secret_value(), found.password_hash if found is not None else None
    )
    async with database.transaction() as session:
        # of many guesses made at once, those beyond the limit learn nothing, not even the right one
        await throttle.require(session, limits, now)
        if found is None or not is_right or not found.is_active or found.id is None:
            await _note_failure(session, found, limits, address, now)
            raise LoginFailed(messages.LOGIN_FAILED)
        if better_hash is not None:
            same = update(User).where(col(User.id) == found.id, col(User.password_hash) == found.password_hash)
            await session.execute(same.values(password_hash=better_hash))
        await throttle.forgive(session, credentials.username)
        who = Caller(found.id, found.organization_id, found.role)
        return await _begun(session, who, tokens, lifetime, address, now)


async def refresh(
    database: Database, token: str, tokens: RefreshTokens, lifetime: timedelta, now: datetime | None = None
) -> SignedIn:
    """Exchange a refresh token for the next one.

    Sent again within ten seconds it gets the same next one: the answer was lost. Later it is a theft.

    Raises:
        RefreshFailed: It is not a token of a sign-in that lasts.
        RefreshTokenReused: It was used before; the sign-in has ended.
    """
    now = now or datetime.now(UTC)
    async with database.transaction() as session:
        known = (
            select(RefreshToken, SignIn, User)
            .join(SignIn, col(SignIn.id) == col(RefreshToken.sign_in_id))
            .join(User, col(User.id) == col(SignIn.user_id))
            .where(col(RefreshToken.hash) == tokens.hash(token))
            .with_for_update(of=[RefreshToken, SignIn])
        )
        row = (await session.execute(known)).one_or_none()
        if row is None:
            raise RefreshFailed(messages.REFRESH_INVALID)
        used, sign_in, user = row
        if sign_in.ended_at is not None or sign_in.expires_at <= now or not user.is_active:
            raise RefreshFailed(messages.SIGN_IN_ENDED)
        if used.used_at is None:
            used.used_at = now
            sign_in.expires_at = now + lifetime
            session.add(
                RefreshToken(hash=tokens.hash(tokens.after(token)), sign_in_id=sign_in.id, issued_at=now),
            )
        elif not rules.is_repeat(used.used_at, now):
            sign_in.ended_at, sign_in.ended_because = now, "a refresh token was used twice"
            who = Caller(sign_in.user_id, user.organization_id, user.role)
            await changes.record(session, who, Entity.USER, who.user_id, ChangeKind.TOKEN_REUSED)
            raise RefreshTokenReused(messages.REFRESH_REUSED)
        return SignedIn(sign_in.user_id, sign_in.id, tokens.after(token))


async def sign_out(session: AsyncSession, who: Caller, *, everywhere: bool, now: datetime | None = None) -> None:
    """End the caller's sign-in, or all of theirs; access tokens of it are worthless at once."""
    kept = None if everywhere else who.sign_in_id
    mine = col(SignIn.user_id) == who.user_id if kept is None else col(SignIn.id) == kept
    await _end(session, mine, "signed out", now or datetime.now(UTC))
    await changes.record(
        session, who, Entity.USER, who.user_id, ChangeKind.LOGGED_OUT, after={"everywhere": everywhere}
    )


async def change_password(
    session: AsyncSession,
    who: Caller,
    given: PasswordIn,
    passwords: Passwords,
    address: str,
    now: datetime | None = None,
) -> None:
    """Give the caller another password, and end every other sign-in of theirs.

    Raises:
        TooMany: The account or the address failed too often lately.
        LoginFailed: The current password is wrong.
        Invalid: The new one is not good enough.
    """
    now = now or datetime.now(UTC)
    user = await session.get_one(User, who.user_id)
    new = given.new_password.get_secret_value()
    check(new, user.username)
    is_right, _ = await passwords.verified(given.current_password.get_secret_value(), user.password_hash)
    new_hash = await passwords.hashed(new, user.username) if is_right else None
    # only now, for it locks what all of a plant's users are counted under, and hashing takes its time
    limits = throttle.of_login(user.username, address)
    await throttle.require(session, limits, now)
    if new_hash is None:
        await _note_failure(session, user, limits, address, now)
        raise LoginFailed(messages.PASSWORD_WRONG)
    same = update(User).where(col(User.id) == who.user_id, col(User.password_hash) == user.password_hash)
    if (await session.execute(same.values(password_hash=new_hash).returning(col(User.id)))).one_or_none() is None:
        raise Conflict(messages.PASSWORD_CHANGED_MEANWHILE)
    await end_all(session, who.user_id, "the password was changed", but=who.sign_in_id, now=now)
    after = {"password": "changed"}
    await changes.record(session, who, Entity.USER, who.user_id, ChangeKind.UPDATED, before={}, after=after)


async def end_all(
    session: AsyncSession, user_id: int, because: str, *, but: uuid.UUID | None = None, now: datetime | None = None
) -> None:
    """End every sign-in of a user, but one if it is named."""
    theirs = col(SignIn.user_id) == user_id
    await _end(session, theirs if but is None else theirs & (col(SignIn.id) != but), because, now or datetime.now(UTC))


async def _begun(
    session: AsyncSession, who: Caller, tokens: RefreshTokens, lifetime: timedelta, address: str, now: datetime
) -> SignedIn:
    first = tokens.first()
    begun = SignIn(id=uuid.uuid4(), user_id=who.user_id, created_at=now, expires_at=now + lifetime)
    session.add(begun)
    await session.flush()
    session.add(RefreshToken(hash=tokens.hash(first), sign_in_id=begun.id, issued_at=now))
    await changes.record(
        session,
        who,
        Entity.USER,
        who.user_id,
        ChangeKind.LOGGED_IN,
        after={"address": address, "sign_in": begun.id.hex},
    )
    await _forget_old(session, now)
    return SignedIn(who.user_id, begun.id, first)


async def _note_failure(
    session: AsyncSession, user: User | None, limits: Mapping[str, int], address: str, now: datetime
) -> None:
    await throttle.count(session, limits, now)
    # of names that nobody has there is no record: whoever sends them could fill it
    if user is not None and user.id is not None:
        who = Caller(user.id, user.organization_id, user.role)
        await changes.record(session, who, Entity.USER, user.id, ChangeKind.LOGIN_FAILED, after={"address": address})


async def _end(session: AsyncSession, which: ColumnElement[bool], because: str, now: datetime) -> None:
    lasting = update(SignIn).where(which, col(SignIn.ended_at).is_(None))
    await session.execute(lasting.values(ended_at=now, ended_because=because))


async def _forget_old(session: AsyncSession, now: datetime) -> None:
    is_old = col(SignIn.expires_at) < now - _REMEMBERED
    old = select(col(SignIn.id)).where(is_old).limit(20).with_for_update(skip_locked=True)
    await session.execute(delete(SignIn).where(col(SignIn.id).in_(old)))
