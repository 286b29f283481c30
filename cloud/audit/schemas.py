"""Owns what the record of changes shows."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class ChangeOut(BaseModel):
    """One change, login or logout, as it was written down; nobody can alter it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: AwareDatetime
    actor: str = Field(description="`user:12`, `gateway:izmir-hall2`, `operator` at the command line, `registration`")
    kind: str = Field(description="created, updated, deleted, granted, revoked, logged_in, login_failed, ...")
    entity: str
    entity_id: str
    subject_id: int | None = Field(description="With granted and revoked: the user whose sight of it changed")
    request_id: str | None = Field(description="The request's, as in X-Request-ID and in the log")
    before: dict[str, Any] | None = Field(description="What was different before; secrets are blanked")
    after: dict[str, Any] | None = Field(description="What is different since")
