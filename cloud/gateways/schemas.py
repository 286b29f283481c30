"""Owns what the gateways slice takes and gives."""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from cloud.gateways import messages
from cloud.validation import mistake
from cloud.values import Code, Label, Moment, Notes, prose

# ten thousand tags in full; a request may be twice as large
MAX_DOCUMENT = 500_000


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

    @property
    def actor(self) -> str:
        """Who it is in the audit log."""
        return f"gateway:{self.name}"


class GatewayIn(BaseModel):
    """What is said of a gateway when it is registered."""

    model_config = ConfigDict(extra="forbid")

    name: GatewayName = Field(description="`gateway.id` of its configuration", examples=["izmir-hall2"])


class ConfigurationOutcome(StrEnum):
    """What became of a configuration at its gateway."""

    APPLIED = "applied"
    REFUSED = "refused"  # it does not pass the gateway's own checks; the one before it runs on
    ROLLED_BACK = "rolled_back"  # fewer tags were good with it; the one before it runs again


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
    buffer_bytes: int | None = Field(description="Size of its buffer on disk, as it last said")
    oldest_waiting_at: AwareDatetime | None = Field(description="When it took the oldest of them")
    clock_skew_s: float | None = Field(description="How far its clock was ahead of ours, the way between included")
    device_clock_skew_s: dict[str, float] = Field(
        description="How far its devices' clocks were ahead of its own, of those that tell their time"
    )
    token_issued_at: AwareDatetime | None = Field(description="When its token was made; null before it has enrolled")
    rotation_asked_at: AwareDatetime | None = Field(description="Since when it is to renew its token")
    conflict_at: AwareDatetime | None = Field(description="When two machines were last seen speaking in its name")
    conflict: str | None = Field(description="How that was noticed")
    configuration_version: int | None = Field(description="The configuration it last tried, of those set here")
    configuration_outcome: ConfigurationOutcome | None = Field(description="What became of it")
    configuration_detail: str | None = Field(description="In its own words")


class AliveIn(BaseModel):
    """What a gateway may say of itself with a sign of life."""

    model_config = ConfigDict(extra="forbid")

    version: Code | None = Field(default=None, description="Its software's", examples=["0.1.0"])
    waiting: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        default=None, description="Readings in its buffer that the cloud does not have yet"
    )
    buffer_bytes: Annotated[int, Field(ge=0, le=2**53)] | None = Field(default=None, description="Its size on disk")
    oldest_waiting_at: Moment | None = Field(default=None, description="When it took the oldest of them")
    sent_at: AwareDatetime | None = Field(default=None, description="By its own clock, however wrong that is")
    device_clock_skew_s: (
        Annotated[dict[Label, Annotated[float, Field(allow_inf_nan=False)]], Field(max_length=200)] | None
    ) = Field(default=None, description="How far devices' clocks are ahead of its own, the worst of them")


class EnrolmentOut(BaseModel):
    """A code with which a gateway fetches its token, once."""

    gateway: str
    code: str = Field(examples=["7KQ2-M0XD-9ZPA-4H1R-C8WE"])
    expires_at: AwareDatetime


class EnrolIn(BaseModel):
    """What a gateway enrols with."""

    model_config = ConfigDict(extra="forbid")

    code: Code = Field(description="As an admin was given it; case, blanks and dashes do not matter")


class GatewayTokenOut(BaseModel):
    """A gateway's token, shown this once."""

    gateway: str
    token: str


class ConfigurationIn(BaseModel):
    """A configuration for a gateway."""

    model_config = ConfigDict(extra="forbid")

    document: Annotated[str, StringConstraints(min_length=1, max_length=MAX_DOCUMENT), AfterValidator(prose)] = Field(
        description="YAML, as its own file is; the gateway checks it before it takes it"
    )
    note: Label | None = Field(default=None, description="Why, for whoever looks at it later")


class ConfigurationLine(BaseModel):
    """A configuration in the list of those that were set for a gateway."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    note: str
    set_by: str
    set_at: AwareDatetime


class ConfigurationOut(ConfigurationLine):
    """A configuration that was set for a gateway."""

    document: str


class OutcomeIn(BaseModel):
    """What became of a configuration at its gateway."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    outcome: ConfigurationOutcome
    detail: Notes = Field(default="", description="Such as every mistake with its line")


class GatewayCreated(GatewayOut):
    """A gateway and its token, which is shown this once."""

    token: str
