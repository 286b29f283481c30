"""The gateway's error tree.

AppError
  ConfigError          the configuration is wrong; nothing starts (exit 78)
  AlreadyRunning       another daemon holds the state directory (exit 75)
  DriverError          a session with a device or broker ended or could not begin
    DriverRefused      the other side said no, and will until somebody acts (certificate, password)
  BufferError          the buffer cannot take or give
    BufferFull         its size cap is reached
    DiskFull           its file cannot grow: the volume is full, or the file at its cap
    BufferDamaged      what is on disk is not what was written
  UplinkError          a batch was not acknowledged
    Unreachable        no answer, or "not now"; carries how long the cloud asked to wait
    Unauthorized       the token is refused: keep buffering, probe slowly
    Outdated           cloud and gateway speak different versions: the same
    EnrolmentRefused   the enrolment code is wrong, used or too old
    BatchRefused       the cloud will never take this batch: divide it until what is at fault stands alone
"""

from shared.errors import AppError


class ConfigError(AppError):
    """The configuration file is wrong; the message lists every mistake with file and line."""

    code = "CONFIG_INVALID"


class AlreadyRunning(AppError):
    """Another daemon works on the same state directory."""

    code = "ALREADY_RUNNING"


class DriverError(AppError):
    """A session ended, or could not begin; the station opens it again with back-off."""

    code = "DRIVER_FAILED"
    retryable = True


class DriverRefused(DriverError):
    """The other side refuses us until somebody acts; tried again only at the slowest pace."""

    code = "DRIVER_REFUSED"
    retryable = False


class BufferError(AppError):  # noqa: A001 - the field's word; Python's builtin concerns memory views
    """The buffer cannot take or give."""

    code = "BUFFER_FAILED"


class BufferFull(BufferError):
    """The size cap is reached; space comes when batches are settled."""

    code = "BUFFER_FULL"
    retryable = True


class DiskFull(BufferError):
    """The buffer's file cannot grow; what was to be written is not, and may be tried again."""

    code = "DISK_FULL"


class BufferDamaged(BufferError):
    """What is on disk is not what was written."""

    code = "BUFFER_DAMAGED"


class UplinkError(AppError):
    """A batch was sent and not acknowledged."""

    code = "UPLINK_FAILED"


class Unreachable(UplinkError):
    """No answer, or one that says "not now".

    Attributes:
        retry_after_s: What the cloud asked for, or None.
    """

    code = "UPLINK_UNREACHABLE"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthorized(UplinkError):
    """The token is refused (401, 403): stop sending, keep buffering, probe slowly."""

    code = "UPLINK_UNAUTHORIZED"
    retryable = True


class Outdated(UplinkError):
    """The cloud speaks another version of the protocol (426): stop sending, keep buffering, probe slowly."""

    code = "UPLINK_OUTDATED"
    retryable = True


class EnrolmentRefused(UplinkError):
    """The enrolment code is wrong, used, or too old; another one is needed."""

    code = "ENROLMENT_REFUSED"


class BatchRefused(UplinkError):
    """The cloud will never take this batch (400, 409, 413, 422).

    Attributes:
        is_whole: It refuses the batch's identity (409), not something that is in it.
    """

    code = "BATCH_REFUSED"

    def __init__(self, message: str, *, is_whole: bool = False) -> None:
        super().__init__(message)
        self.is_whole = is_whole
