"""Owns what the gateways slice takes and gives."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from cloud.gateways import messages
from cloud.validation import mistake
from cloud.values import Code, Label


def _printable(value: str) -> str:
    if not value.isprintable():
        raise mistake(messages.NAME_UNPRINTABLE)
    return value


GatewayName = Annotated[Label, AfterValidator(_printable)]
"""What a gateway calls itself: `gateway.id` of its configuration."""


@dataclass(frozen=True, slots=True)
class GatewayCaller:
    """The gateway that is asking, proven by its token."""

    gateway_id: uuid.UUID
    organization_id: uuid.UUID
    name: str


class GatewayIn(BaseModel):
    """What is said of a gateway when it is registered."""

    model_config = ConfigDict(extra="forbid")

    name: GatewayName = Field(description="`gateway.id` of its configuration", examples=["izmir-hall2"])


class GatewayOut(BaseModel):
    """A gateway, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None
    last_seen: AwareDatetime | None = Field(description="When it last sent something, to within ten seconds")
    version: str | None = Field(description="Its software's, as it last said")
    waiting: int | None = Field(description="Readings that waited in its buffer when it last said so")


class AliveIn(BaseModel):
    """What a gateway may say of itself with a sign of life."""

    model_config = ConfigDict(extra="forbid")

    version: Code | None = Field(default=None, description="Its software's", examples=["0.1.0"])
    waiting: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None, description="Readings in its buffer that the cloud does not have yet"
    )


class GatewayCreated(GatewayOut):
    """A gateway and its token, which is shown this once."""

    token: str
