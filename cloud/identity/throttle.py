"""Owns the count of failures by account and address, in PostgreSQL, where every worker sees it."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.errors import TooMany
from cloud.identity import messages, rules
from cloud.identity.models import LoginFailures


def of_login(username: str, address: str) -> dict[str, int]:
    """Return what a login is counted under, with the failures each may have; in one order for everybody.

    So two logins never block each other.
    """
    return {f"address:{address}": rules.ADDRESS_LIMIT, f"user:{username}": rules.ACCOUNT_LIMIT}


def of_registration(address: str) -> dict[str, int]:
    """Return what a registration is counted under."""
    return {f"register:{address}": rules.ADDRESS_LIMIT}


async def require(session: AsyncSession, limits: Mapping[str, int], now: datetime) -> None:
    """Let an attempt through, or not yet; what it is counted under stays locked until the transaction ends.

    Raises:
        TooMany: There were too many failures lately; carries how long to wait.
    """
    known = select(LoginFailures).where(col(LoginFailures.subject).in_(limits)).order_by(col(LoginFailures.subject))
    for row in await session.scalars(known.with_for_update()):
        wait_s = rules.wait_s(row.failures, row.since, limits[row.subject], now)
        if wait_s > 0:
            raise TooMany(messages.LOGIN_THROTTLED, retry_after_s=wait_s)


async def count(session: AsyncSession, limits: Mapping[str, int], now: datetime) -> None:
    """Count an attempt, and forget some that are over."""
    for subject in limits:
        await _count(session, subject, now)
    # names that nobody has are counted too, and nobody would ever clear them; skipping what others hold
    # keeps two failures at once from waiting for each other
    old = select(col(LoginFailures.subject)).where(col(LoginFailures.since) <= now - rules.WINDOW)
    subjects = old.limit(100).with_for_update(skip_locked=True)
    await session.execute(delete(LoginFailures).where(col(LoginFailures.subject).in_(subjects)))


async def forgive(session: AsyncSession, username: str) -> None:
    """Forget an account's failures: who knows the password may go on."""
    await session.execute(delete(LoginFailures).where(col(LoginFailures.subject) == f"user:{username}"))


async def _count(session: AsyncSession, subject: str, now: datetime) -> None:
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
