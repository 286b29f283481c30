"""Owns the answer to "who is asking, and may they": from the bearer token to a `Caller`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.security import OAuth2PasswordBearer
from structlog.contextvars import bind_contextvars

from cloud.db import Database, Session
from cloud.errors import Forbidden, Unauthenticated
from cloud.identity import messages, service
from cloud.identity.schemas import Bearer, Caller, Role
from cloud.identity.tokens import Tokens
from cloud.languages import AnyOf
from shared.errors import AppError

_bearer = OAuth2PasswordBearer(tokenUrl="/auth/login", scheme_name="user", auto_error=False)


async def caller(request: Request, session: Session, token: Annotated[str | None, Depends(_bearer)]) -> Caller:
    """Return who is asking.

    Raises:
        Unauthenticated: No token, not a valid one, or its user is gone or deactivated.
    """
    if token is None:
        raise Unauthenticated(messages.TOKEN_MISSING)
    tokens: Tokens = request.app.state.tokens
    found = await service.caller(session, tokens.read(token))
    if found is None:
        raise Unauthenticated(messages.USER_INACTIVE)
    bind_contextvars(user=found.user_id, organization=str(found.organization_id))
    return found


async def is_admin(request: Request) -> bool:
    """Return whether an admin is asking, on a path that anybody may ask; whatever hinders the answer, it is no."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    database: Database = request.app.state.database
    try:
        async with database.transaction() as opened:
            found = await caller(request, opened, token) if scheme.lower() == "bearer" else None
    except AppError:
        return False
    return found is not None and found.role is Role.ADMIN


CurrentCaller = Annotated[Caller, Depends(caller)]


async def bearer(request: Request, token: Annotated[str | None, Depends(_bearer)]) -> Bearer:
    """Return what the caller's access token says, for an answer that may outlive it; beside `caller`, not instead."""
    tokens: Tokens = request.app.state.tokens
    return tokens.read(token or "")


CurrentBearer = Annotated[Bearer, Depends(bearer)]


async def key_scope(who: CurrentCaller) -> str:
    """Return whose idempotency keys a signed-in request uses."""
    return who.actor


async def address(request: Request) -> str:
    """Return where a request came from; behind a proxy on this machine, what that says."""
    return request.client.host if request.client is not None else "unknown"


Address = Annotated[str, Depends(address)]


def allow(roles: frozenset[Role]) -> Dependency:
    """Return a dependency that lets only these roles through."""

    async def check(who: CurrentCaller) -> None:
        if who.role not in roles:
            needed = sorted(roles)
            raise Forbidden(
                messages.ROLE_NEEDED,
                needed=AnyOf(messages.ROLE[role] for role in needed),
                yours=messages.ROLE[who.role],
                required_permission=needed,
            )

    return Dependency(check)
