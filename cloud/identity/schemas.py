"""Owns what the identity slice takes and gives."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from cloud.values import lower, plain


class Role(StrEnum):
    """What a user may do; which routes each may use is one table, `cloud.access`."""

    ADMIN = "admin"
    PLANNER = "planner"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, as the database knew them when the request came."""

    user_id: int
    organization_id: uuid.UUID
    role: Role
    sign_in_id: uuid.UUID | None = None

    @property
    def actor(self) -> str:
        """Who it is, in the record of changes."""
        return f"user:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """What an access token says.

    Attributes:
        sign_in_id: The sign-in that it was issued for; it ends with that.
        expires_at: UTC.
    """

    user_id: int
    sign_in_id: uuid.UUID | None
    expires_at: datetime


Username = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$"),
]
"""Two to 64 letters, digits and ._@+-; case does not matter."""


SignInName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64), AfterValidator(plain)
]
"""What somebody may sign in with: also a name of an older backend, which nobody could be given today."""


class Credentials(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(extra="forbid")

    username: SignInName
    # longer than any sentence, shorter than what would keep the hasher busy
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class LoginForm(Credentials):
    """The same as a form, as OAuth 2.0 clients send it; `grant_type`, `scope` and the like are passed over."""


Password = Annotated[SecretStr, Field(min_length=1, max_length=256)]
"""A password to be set; how good it must be is said in `passwords`."""


class RegisterIn(BaseModel):
    """Somebody who makes an account for themselves."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    password: Password
    role: Any = Field(default=None, exclude=True, description="Ignored: who registers is a worker")


class UserIn(BaseModel):
    """A user whom an admin makes."""

    model_config = ConfigDict(extra="forbid")

    username: Username
    password: Password
    role: Annotated[Role, BeforeValidator(lower)] = Role.WORKER


class RoleIn(BaseModel):
    """What a user may do from now on."""

    model_config = ConfigDict(extra="forbid")

    role: Annotated[Role, BeforeValidator(lower)]


class PasswordIn(BaseModel):
    """Another password for whoever asks."""

    model_config = ConfigDict(extra="forbid")

    current_password: Password
    new_password: Password


class RefreshIn(BaseModel):
    """The newest refresh token there is of a sign-in."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class LogoutIn(BaseModel):
    """Where to sign out."""

    model_config = ConfigDict(extra="forbid")

    everywhere: bool = Field(default=False, description="On every device, not only on this one")


class TokenOut(BaseModel):
    """An access token and the way to the next, as OAuth 2.0 (RFC 6749, 5.1) names its parts."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind, not a token
    expires_in: int = Field(description="Seconds")
    refresh_token: str = Field(description="For POST /auth/refresh, once; its answer has the next one")
    refresh_expires_in: int = Field(description="Seconds")


@dataclass(frozen=True, slots=True)
class MovedUser:
    """A user of an older backend, on the way in under an id of theirs.

    Attributes:
        password_hash: bcrypt or argon2id; any other opens nothing.
        created_at: UTC.
    """

    id: int
    username: str
    password_hash: str
    role: Role
    is_active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody is signed in: whom their access tokens are to name, and their next refresh token."""

    user_id: int
    sign_in_id: uuid.UUID
    refresh_token: str


class OrganizationOut(BaseModel):
    """An organization, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    time_zone: str


class UserOut(BaseModel):
    """A user, as they are shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str
    role: Role
    is_active: bool
    organization_id: uuid.UUID
    created_at: datetime
