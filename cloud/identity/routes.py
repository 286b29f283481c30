"""Owns the HTTP side of people: signing in, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData

from cloud.db import Database, Session, database
from cloud.errors import UnsupportedType
from cloud.identity import messages, service, sign_ins
from cloud.identity.caller import Address, CurrentCaller
from cloud.identity.passwords import Passwords
from cloud.identity.refresh_tokens import RefreshTokens
from cloud.identity.schemas import (
    Credentials,
    LoginForm,
    LogoutIn,
    PasswordIn,
    RefreshIn,
    RegisterIn,
    Role,
    RoleIn,
    SignedIn,
    TokenOut,
    UserIn,
    UserOut,
)
from cloud.identity.tokens import Tokens
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.settings import Settings
from cloud.values import RowId

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


# a schema each: makers of clients choose the content type by the class of the body. And one optional parameter, without
# which openapi-python-client 0.29 forgets an import that two content types need
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
            for kind, model in ((JSON, Credentials), (FORM, LoginForm))
        },
    },
    "parameters": [
        {
            "name": "Accept-Language",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "title": "Accept-Language"},
            "description": "`tr` or `en`: the language in which errors are told, here and everywhere",
        }
    ],
}


@router.post("/register", status_code=201)
async def register(
    request: Request, pool: Annotated[Database, Depends(database)], address: Address, newcomer: RegisterIn
) -> UserOut:
    """Make an account for yourself, as a worker; only where the operator has opened registration."""
    settings: Settings = request.app.state.settings
    passwords: Passwords = request.app.state.passwords
    return await service.register(pool, settings.registration_organization, newcomer, passwords, address)


@router.post("/login", openapi_extra=_BODY)
async def login(
    request: Request,
    response: Response,
    pool: Annotated[Database, Depends(database)],
    address: Address,
    credentials: Annotated[Credentials, Depends(_credentials)],
) -> TokenOut:
    """Exchange a user name and a password for an access token and a refresh token."""
    passwords: Passwords = request.app.state.passwords
    tokens: RefreshTokens = request.app.state.refresh_tokens
    signed_in = await sign_ins.sign_in(pool, credentials, passwords, tokens, _lifetime(request), address)
    return _tokens(request, response, signed_in)


@router.post("/refresh")
async def refresh(
    request: Request, response: Response, pool: Annotated[Database, Depends(database)], given: RefreshIn
) -> TokenOut:
    """Exchange a refresh token for the next pair; each is taken once, and once more within ten seconds."""
    tokens: RefreshTokens = request.app.state.refresh_tokens
    token = given.refresh_token.get_secret_value()
    return _tokens(request, response, await sign_ins.refresh(pool, token, tokens, _lifetime(request)))


@router.post("/logout", status_code=204)
async def logout(session: Session, caller: CurrentCaller, where: Annotated[LogoutIn | None, Body()] = None) -> None:
    """Sign out on this device, or on all; what was signed in is so no more, at once."""
    await sign_ins.sign_out(session, caller, everywhere=where is not None and where.everywhere)


@router.get("/me")
async def me(session: Session, caller: CurrentCaller) -> UserOut:
    """Return who is signed in."""
    return await service.user(session, caller)


@router.post("/password", status_code=204)
async def change_password(
    request: Request, session: Session, caller: CurrentCaller, address: Address, given: PasswordIn
) -> None:
    """Change your password; every other device of yours is signed out."""
    passwords: Passwords = request.app.state.passwords
    await sign_ins.change_password(session, caller, given, passwords, address)


@router.post("/users", status_code=201)
async def create_user(request: Request, session: Session, caller: CurrentCaller, user: UserIn) -> UserOut:
    """Make an account for somebody else, with the role that they are to have."""
    passwords: Passwords = request.app.state.passwords
    password = user.password.get_secret_value()
    return await service.create_user(
        session, caller.organization_id, user.username, user.role, password, passwords, caller
    )


@router.get("/users")
async def list_users(
    session: Session, caller: CurrentCaller, paging: PageQuery, role: Role | None = None, is_active: bool | None = None
) -> Page[UserOut]:
    """List the organization's users, by name."""
    return await service.people(session, caller.organization_id, paging, role, is_active)


@router.get("/users/{user_id}")
async def get_user(session: Session, caller: CurrentCaller, user_id: RowId) -> UserOut:
    """Return one user."""
    return await service.person(session, caller.organization_id, user_id)


@router.patch("/users/{user_id}/role")
async def set_role(session: Session, caller: CurrentCaller, user_id: RowId, given: RoleIn, seen: IfMatch) -> UserOut:
    """Give a user another role; it acts with their next request. The last admin stays one."""
    return await service.set_role(session, caller, user_id, given.role, seen)


@router.post("/users/{user_id}/deactivate")
async def deactivate(session: Session, caller: CurrentCaller, user_id: RowId, seen: IfMatch) -> UserOut:
    """Keep a user out: signed out everywhere at once, and no login any more. Nothing of theirs is deleted."""
    return await service.set_active(session, caller, user_id, is_active=False, seen=seen)


@router.post("/users/{user_id}/reactivate")
async def reactivate(session: Session, caller: CurrentCaller, user_id: RowId, seen: IfMatch) -> UserOut:
    """Let a user in again."""
    return await service.set_active(session, caller, user_id, is_active=True, seen=seen)


def _lifetime(request: Request) -> timedelta:
    settings: Settings = request.app.state.settings
    return timedelta(days=settings.refresh_token_days)


def _tokens(request: Request, response: Response, signed_in: SignedIn) -> TokenOut:
    tokens: Tokens = request.app.state.tokens
    response.headers["Cache-Control"] = "no-store"  # RFC 6749, 5.1
    return TokenOut(
        access_token=tokens.issue(signed_in.user_id, datetime.now(UTC), signed_in.sign_in_id),
        expires_in=int(tokens.lifetime.total_seconds()),
        refresh_token=signed_in.refresh_token,
        refresh_expires_in=int(_lifetime(request).total_seconds()),
    )
