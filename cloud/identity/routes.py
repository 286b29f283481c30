"""Owns the HTTP side of signing in."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData

from cloud.db import Database, Session, database
from cloud.errors import UnsupportedType
from cloud.identity import messages, service
from cloud.identity.caller import CurrentCaller
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Credentials, TokenOut, UserOut
from cloud.identity.tokens import Tokens

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

router = APIRouter(prefix="/auth", tags=["auth"])


async def _credentials(request: Request) -> Credentials:
    # FastAPI reads either a JSON body or a form; the app sends the one, OAuth 2.0 clients the other
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == FORM:
            async with request.form(max_files=0, max_fields=10) as form:
                return Credentials.model_validate(_of_form(form))
        if kind == JSON:
            return Credentials.model_validate_json(await request.body())
    except ValidationError as error:
        mistakes = error.errors(include_input=False, include_url=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in mistakes]) from None
    raise UnsupportedType(messages.LOGIN_TYPE, json=JSON, form=FORM, given=kind or messages.NO_TYPE)


def _of_form(form: FormData) -> dict[str, Any]:
    # grant_type, scope and client_id belong to OAuth 2.0's form and mean nothing here (RFC 6749, 4.3.2)
    return {name: form[name] for name in ("username", "password") if name in form}


_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"$ref": "#/components/schemas/Credentials"}} for kind in (JSON, FORM)},
    }
}


@router.post("/login", openapi_extra=_BODY)
async def login(
    request: Request,
    response: Response,
    pool: Annotated[Database, Depends(database)],
    credentials: Annotated[Credentials, Depends(_credentials)],
) -> TokenOut:
    """Exchange a user name and a password for an access token."""
    passwords: Passwords = request.app.state.passwords
    tokens: Tokens = request.app.state.tokens
    address = request.client.host if request.client is not None else "unknown"
    user_id = await service.sign_in(pool, credentials, passwords, address)
    response.headers["Cache-Control"] = "no-store"  # RFC 6749, 5.1
    return TokenOut(
        access_token=tokens.issue(user_id, datetime.now(UTC)), expires_in=int(tokens.lifetime.total_seconds())
    )


@router.get("/me")
async def me(session: Session, caller: CurrentCaller) -> UserOut:
    """Return who is signed in."""
    return await service.user(session, caller)
