"""Owns what the identity slice takes and gives."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from cloud.values import plain


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

    @property
    def actor(self) -> str:
        """Who it is, in the record of changes."""
        return f"user:{self.user_id}"


Username = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{1,63}$"),
]
"""Two to 64 letters, digits and ._@+-; case does not matter."""


class Credentials(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(extra="forbid")

    username: Annotated[
        str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64), AfterValidator(plain)
    ]
    # longer than any sentence, shorter than what would keep the hasher busy
    password: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class TokenOut(BaseModel):
    """An access token, as OAuth 2.0 (RFC 6749, 5.1) names its parts."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind, not a token
    expires_in: int = Field(description="Seconds")


class OrganizationOut(BaseModel):
    """An organization, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str


class UserOut(BaseModel):
    """A user, as they are shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    username: str
    role: Role
    is_active: bool
    organization_id: uuid.UUID
    created_at: datetime
