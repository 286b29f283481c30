"""Owns the answer to "which gateway is asking": from the bearer token to a `GatewayCaller`."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from structlog.contextvars import bind_contextvars

from cloud.db import Database, database
from cloud.errors import Unauthenticated
from cloud.gateways import messages, service
from cloud.gateways.schemas import GatewayCaller

_bearer = HTTPBearer(scheme_name="gateway", description="A gateway's token", auto_error=False)


async def gateway(
    request: Request,
    pool: Annotated[Database, Depends(database)],
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> GatewayCaller:
    """Return which gateway is asking.

    In a transaction of its own: the connection is given back before the batch needs one, and that the
    gateway was heard is true whatever becomes of its batch.

    Raises:
        Unauthenticated: No token, not a gateway's, or revoked.
    """
    if sent is None:
        raise Unauthenticated(messages.TOKEN_MISSING, path=request.url.path)
    async with pool.transaction() as session:
        found = await service.authenticate(session, sent.credentials)
    bind_contextvars(gateway=found.name, organization=str(found.organization_id))
    return found


CurrentGateway = Annotated[GatewayCaller, Depends(gateway)]
