"""Owns the service's error tree: each fact some caller treats differently, with its HTTP status.

CloudError                 500 unless a class below says otherwise
  SettingsInvalid          the environment is wrong; nothing starts (exit 78)
  Invalid          422     the request is well formed and means something impossible
  BadRequest       400     the request is not well formed
  Unauthenticated  401     nobody known is asking
  Forbidden        403     somebody known asks for what is not theirs to do
  NotFound         404     not there, or another organization's: the same answer
  Conflict         409     it clashes with what is
  PreconditionFailed 412   it is not as the caller saw it
  TooLarge         413     more bytes than the path takes
  UnsupportedType  415     a body of a kind the path does not take
  TooMany          429     later, please
  SchemaMismatch   500     the database is not the one this code was written for
  Unavailable      503     later, please; it is us
    DatabaseUnavailable    PostgreSQL does not answer

Raise with a `Message` and its facts (`languages` shows how). A plain text is for what only the operator's
terminal and the log ever show: it is English.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from cloud.languages import AnyOf, Language, Message
from shared.errors import AppError


class CloudError(AppError):
    """A fact with an HTTP status.

    Attributes:
        status: The HTTP status code of the answer.
        title: The kind of problem, the same for each occurrence.
        facts: What the sentence names; those that are not sentences themselves are also members of the problem body
            (`current_status`, `allowed`, ...).
        headers: Headers added to the answer.
        keeps_changes: What was written before it was raised is committed nevertheless (a counted failed login).
    """

    code = "INTERNAL"
    status: int = 500
    title: ClassVar[Message] = Message("Internal error", "Sunucu hatası")
    keeps_changes: ClassVar[bool] = False

    def __init__(
        self,
        message: Message | str,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        retry_after_s: float | None = None,
        **facts: Any,
    ) -> None:
        said = Message(message, message) if isinstance(message, str) else message
        self.said = said
        self.facts = facts
        self.headers: dict[str, str] = {}
        if retry_after_s is not None:
            # whole seconds, rounded up: asking a moment too early helps nobody (RFC 9110, 10.2.3)
            facts["retry_after_s"] = max(1, -int(-retry_after_s // 1))
            self.headers["Retry-After"] = str(facts["retry_after_s"])
        english = message if isinstance(message, str) else said.said(Language.ENGLISH, facts)
        super().__init__(english, code=code or said.code, retryable=retryable)

    def detail(self, language: Language) -> str:
        """Return the sentence for people."""
        # a plain text may hold braces of its own
        return self.message if self.said.en is self.said.tr else self.said.said(language, self.facts)

    def kind(self, language: Language) -> str:
        """Return the title for people."""
        return (self.said.title or self.title).said(language)

    @property
    def members(self) -> dict[str, Any]:
        """What the answer's body has beside the members every problem has."""
        return {name: fact for name, fact in self.facts.items() if not isinstance(fact, Message | AnyOf)}


class SettingsInvalid(CloudError):
    """The environment is wrong; the message lists every mistake."""

    code = "SETTINGS_INVALID"
    title = Message("Invalid settings", "Geçersiz ayarlar")


class Invalid(CloudError):
    """The request is well formed and means something impossible."""

    code = "VALIDATION_ERROR"
    status = 422
    title = Message("Invalid request", "Geçersiz istek")


class BadRequest(CloudError):
    """The request is not well formed."""

    code = "BAD_REQUEST"
    status = 400
    title = Message("Bad request", "Hatalı istek")


class Unauthenticated(CloudError):
    """Nobody known is asking."""

    code = "UNAUTHORIZED"
    status = 401
    title = Message("Not signed in", "Oturum açılmamış")

    def __init__(self, message: Message | str, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers["WWW-Authenticate"] = "Bearer"  # required with a 401 (RFC 9110, 15.5.2)


class Forbidden(CloudError):
    """Somebody known asks for what is not theirs to do."""

    code = "FORBIDDEN"
    status = 403
    title = Message("Not allowed", "Yetki yok")


class NotFound(CloudError):
    """Not there, or another organization's: the answer is the same."""

    code = "NOT_FOUND"
    status = 404
    title = Message("Not found", "Bulunamadı")


class Conflict(CloudError):
    """It clashes with what is."""

    code = "CONFLICT"
    status = 409
    title = Message("Conflict", "Çakışma")


class PreconditionFailed(CloudError):
    """It is not as the caller saw it; carries the tag that it has now."""

    code = "PRECONDITION_FAILED"
    status = 412
    title = Message("Precondition failed", "Ön koşul sağlanmadı")

    def __init__(self, message: Message | str, *, etag: str, **more: Any) -> None:
        super().__init__(message, **more)
        self.headers["ETag"] = etag


class TooLarge(CloudError):
    """More bytes than the path takes."""

    code = "BODY_TOO_LARGE"
    status = 413
    title = Message("Body too large", "Gövde çok büyük")


class UnsupportedType(CloudError):
    """A body of a kind the path does not take."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    title = Message("Unsupported media type", "Desteklenmeyen içerik türü")


class TooMany(CloudError):
    """More requests than are good; carries when to come back."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    title = Message("Too many requests", "Çok fazla istek")
    retryable = True


class SchemaMismatch(CloudError):
    """The database is not the one this code was written for."""

    code = "SCHEMA_MISMATCH"
    title = Message("Database schema mismatch", "Veritabanı şeması uyumsuz")

    def __init__(self, message: Message | str, *, mismatches: Sequence[str] = (), **more: Any) -> None:
        """Say that the schema is another; `mismatches` says where, to admins and in the log only."""
        super().__init__(message, **more)
        self.mismatches = list(mismatches)


class Unavailable(CloudError):
    """The service cannot answer now; the same request may succeed later."""

    code = "UNAVAILABLE"
    status = 503
    title = Message("Service unavailable", "Hizmet şu anda kullanılamıyor")
    retryable = True


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "DATABASE_UNAVAILABLE"
    title = Message("Database unavailable", "Veritabanına ulaşılamıyor")
