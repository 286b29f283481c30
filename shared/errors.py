"""The root of both error trees: a fact with a code, a sentence, and whether trying again can help."""


class AppError(Exception):
    """Something the system understands and can name.

    Attributes:
        code: Stable, upper case, for programs (`BATCH_CONFLICT`).
        message: One sentence for people: the thing, the value, what was expected, the next step.
        retryable: Whether the same attempt may succeed later without anybody changing anything.
    """

    code: str = "ERROR"
    retryable: bool = False

    def __init__(self, message: str, *, code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable


class WireError(AppError):
    """Bytes that are not a batch of a known version, or not the batch that was sent."""

    code = "BATCH_INVALID"
