"""Owns the tables of organizations, their users, who is signed in where, and the count of failed logins."""

import uuid
from datetime import datetime

from sqlalchemy import Column, DateTime, Enum, ForeignKey, Identity, Integer, LargeBinary, Text, Uuid, func, text, true
from sqlmodel import Field

from cloud.db import Table
from cloud.identity.schemas import Role


class Organization(Table, table=True):
    """A customer; everything belongs to one."""

    __tablename__ = "organization"

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4,
        sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    )
    name: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    # in which its days begin, by IANA's name
    time_zone: str = Field(default="UTC", sa_column=Column(Text, nullable=False, server_default="UTC"))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class User(Table, table=True):
    """Somebody who signs in; the name is unique in the whole system, for the login asks for nothing else."""

    __tablename__ = "app_user"  # `user` is a word of SQL

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False, index=True)
    )
    username: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    password_hash: str = Field(sa_column=Column(Text, nullable=False))
    role: Role = Field(
        sa_column=Column(
            Enum(Role, name="userrole", values_callable=lambda roles: [role.value for role in roles]), nullable=False
        )
    )
    is_active: bool = Field(default=True, sa_column_kwargs={"server_default": true()})
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class SignIn(Table, table=True):
    """Somebody signed in on one device, until they sign out, it lapses, or it is ended for them."""

    __tablename__ = "sign_in"

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4,
        sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    )
    user_id: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, index=True))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    ended_because: str | None = Field(default=None, sa_type=Text)


class RefreshToken(Table, table=True):
    """One refresh token of a sign-in, as a hash; each is used once, for the next."""

    __tablename__ = "refresh_token"

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    sign_in_id: uuid.UUID = Field(
        sa_column=Column(Uuid, ForeignKey("sign_in.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    issued_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class LoginFailures(Table, table=True):
    """How often a login failed lately, by account and by address."""

    __tablename__ = "login_failures"

    subject: str = Field(sa_column=Column(Text, primary_key=True))
    failures: int = Field(sa_column=Column(Integer, nullable=False))
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
