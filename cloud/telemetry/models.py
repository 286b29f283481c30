"""Owns the tables of telemetry: tags, readings, newest values, rollups, batches, gaps, and what was dropped."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from cloud.db import Table


class Tag(Table, table=True):
    """One thing a gateway reads. What describes it comes from the newest batch that mentions it."""

    __tablename__ = "tag"
    __table_args__ = (UniqueConstraint("gateway_id", "device", "name"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=True), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), nullable=False))
    device: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    # the code as the gateway says it; the id as soon as the organization has such a machine
    machine_code: str | None = Field(default=None, sa_column=Column(Text))
    machine_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid, ForeignKey("machine.id"), index=True))
    reading_type: str = Field(sa_column=Column(Text, nullable=False))
    unit: str = Field(sa_column=Column(Text, nullable=False))
    # how far a cumulative counter counts before it begins again at 0
    rollover: float | None = Field(default=None, sa_column=Column(Double))
    described_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Reading(Table, table=True):
    """What a tag said. Partitioned by day of `ts`.

    The columns stand in an order that leaves no padding: 64 bytes a row. There is no foreign key to `tag`
    (one look-up a row would halve the ingest; tags are never deleted) and no batch number: `batch` keeps
    the receive times each batch spans, which leads from a row to the batch that brought it.
    """

    __tablename__ = "reading"
    # the order of the key's columns: by tag first
    __table_args__ = (PrimaryKeyConstraint("tag_id", "ts", "n"), {"postgresql_partition_by": "RANGE (ts)"})

    ts: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    received_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    value: float | None = Field(default=None, sa_column=Column(Double))
    # the protocol's own unsigned 32 bits; null instead of 0, for most readings have nothing to say here
    status: int | None = Field(default=None, sa_column=Column(BigInteger))
    tag_id: int = Field(sa_column=Column(Integer, nullable=False, autoincrement=False))
    # a tag that says another value at the same time has 1, 2, ..
    n: int = Field(sa_column=Column(Integer, nullable=False, autoincrement=False))
    quality: int = Field(sa_column=Column(SmallInteger, nullable=False))
    flags: int = Field(sa_column=Column(SmallInteger, nullable=False))
    text: str | None = Field(default=None, sa_column=Column(Text))


class Latest(Table, table=True):
    """The newest reading of each tag, by `as_of` (see `rows.Rows`).

    Half of each page is left for the next values: a row that finds no room in its own page needs a line in the index
    too, and what it leaves behind stays until a vacuum.
    """

    __tablename__ = "latest"
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    tag_id: int = Field(sa_column=Column(Integer, ForeignKey("tag.id"), primary_key=True, autoincrement=False))
    as_of: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ts: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    received_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    value: float | None = Field(default=None, sa_column=Column(Double))
    text: str | None = Field(default=None, sa_column=Column(Text))
    quality: int = Field(sa_column=Column(SmallInteger, nullable=False))
    flags: int = Field(sa_column=Column(SmallInteger, nullable=False))
    status: int | None = Field(default=None, sa_column=Column(BigInteger))


class Batch(Table, table=True):
    """The ledger: each batch that is stored, once, with the digest of its bytes."""

    __tablename__ = "batch"
    # BRIN: lines come in the order of their time, so a few pages find the oldest of millions
    __table_args__ = (Index(None, "stored_at", postgresql_using="brin"),)

    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), primary_key=True))
    epoch: uuid.UUID = Field(sa_column=Column(Uuid, primary_key=True))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    rows: int = Field(sa_column=Column(Integer, nullable=False))
    repeated: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    received_from: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    received_to: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    sealed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    stored_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class BatchFolded(Table, table=True):
    """What stays of old lines of the ledger: which of 128 numbers were stored, and eight bytes of each one's digest."""

    __tablename__ = "batch_folded"

    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), primary_key=True))
    epoch: uuid.UUID = Field(sa_column=Column(Uuid, primary_key=True))
    block: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    places: list[int] = Field(sa_column=Column(ARRAY(SmallInteger), nullable=False))
    digests: list[int] = Field(sa_column=Column(ARRAY(BigInteger), nullable=False))
    # when the last of them was stored
    stored_to: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class Retention(Table, table=True):
    """How many days something is kept; what has no line here is kept for ever. See `retention.Kind`."""

    __tablename__ = "retention"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    days: int = Field(sa_column=Column(Integer, nullable=False))
    set_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Dropped(Table, table=True):
    """A span of time of which something was dropped because it had been kept long enough; half-open."""

    __tablename__ = "dropped"

    kind: str = Field(sa_column=Column(Text, primary_key=True))
    begin_at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    end_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    rows: int = Field(sa_column=Column(BigInteger, nullable=False))
    dropped_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Gap(Table, table=True):
    """A hole in the readings, with its cause: of one tag, of a device (`tag` null) or of a gateway (both null).

    Who asks what is missing leaves out the closed ones, and takes one without an end as going on.
    """

    __tablename__ = "gap"
    __table_args__ = (Index(None, "organization_id", "from_at", "id"), UniqueConstraint("gateway_id", "gap_id"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), nullable=False))
    device: str | None = Field(default=None, sa_column=Column(Text))
    tag: str | None = Field(default=None, sa_column=Column(Text))
    cause: str = Field(sa_column=Column(Text, nullable=False))
    from_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # null while it goes on
    to_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    recorded_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    # what its gateway calls it; of what is told of it the highest revision holds
    gap_id: uuid.UUID = Field(
        default_factory=uuid.uuid4, sa_column=Column(Uuid, nullable=False, server_default=text("gen_random_uuid()"))
    )
    revision: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default="1"))
    # nothing is missing in it any more, since when and why
    closed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    closed_by: str | None = Field(default=None, sa_column=Column(Text))
    changed_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Touched(Table, table=True):
    """What a stored batch brought: its tags and the minutes they spoke of, until the rollups have taken it in.

    A line comes with the batch's own commit, so whoever sees it sees the readings too. Nothing waits for it: it is
    only ever inserted by the batch, and deleted by the one who settles the rollups.
    """

    __tablename__ = "touched"
    __table_args__ = (Index(None, "due_at"), Index(None, "gateway_id"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    gateway_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("gateway.id"), nullable=False))
    # when the newest of its minutes is over
    due_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    # pairs: minutes since 1970 UTC, of the tag at the same place
    tag_ids: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    minutes: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))


class Rollup(Table):
    """What a tag said in a minute, an hour or a day of UTC, in facts that add up. No row where it said nothing.

    Attributes:
        good, uncertain, bad: Readings of each quality.
        numbers: Those with a number, good or uncertain; `total`, `low` and `high` are theirs.
        first, last: The first and the last reading's number; null if that reading has none.
        area: Value times seconds, each number holding until the tag's next reading in the bucket.
        known_s: The seconds that `area` spans.
    """

    tag_id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    bucket: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    good: int = Field(sa_type=Integer)
    uncertain: int = Field(sa_type=Integer)
    bad: int = Field(sa_type=Integer)
    numbers: int = Field(sa_type=Integer)
    total: float = Field(sa_type=Double)
    low: float | None = Field(sa_type=Double)
    high: float | None = Field(sa_type=Double)
    first: float | None = Field(sa_type=Double)
    last: float | None = Field(sa_type=Double)
    first_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_at: datetime = Field(sa_type=DateTime(timezone=True))
    area: float = Field(sa_type=Double)
    known_s: float = Field(sa_type=Double)


class RollupMinute(Rollup, table=True):
    """A tag's minute. Partitioned by month."""

    __tablename__ = "rollup_minute"
    __table_args__ = ({"postgresql_partition_by": "RANGE (bucket)"},)


class RollupHour(Rollup, table=True):
    """A tag's hour."""

    __tablename__ = "rollup_hour"


class RollupDay(Rollup, table=True):
    """A tag's day, of UTC."""

    __tablename__ = "rollup_day"


class MeasuredHour(Table, table=True):
    """The mean of each kind of measure of a machine's hour, once it was over. Only ever added to; each number once."""

    __tablename__ = "measured_hour"
    # whether anything is new of a machine
    __table_args__ = (Index(None, "machine_id", "id"),)

    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), primary_key=True))
    bucket: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    known_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    recorded_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    # in the order of `measured.CHANNELS`; NaN where nothing was measured
    numbers: list[float] = Field(sa_column=Column(ARRAY(Double), nullable=False))
