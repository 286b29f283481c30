"""What the command line says of an error that leaves a command, and with which code it then exits."""

from edge.config.mistakes import ConfigMistakes
from edge.errors import AlreadyRunning, ConfigError
from shared.errors import AppError

EXIT_FAILURE = 1
EXIT_USAGE = 64
EXIT_RUNNING = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130
DEBUG = "--debug"


def cause_of(error: BaseException) -> BaseException:
    """Return what went wrong: of several things that went wrong at once, the first that can be named."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    causes = [cause_of(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, AppError)), causes[0])


def words_for(error: BaseException) -> str:
    """Return what a person is told."""
    if isinstance(error, ConfigMistakes):
        count = len(error.mistakes)
        return f"{count} {'mistake' if count == 1 else 'mistakes'} in the configuration\n{error.message}"
    if isinstance(error, AppError):
        return error.message
    return f"unexpected {type(error).__name__}: {error}; `tezgah-edge {DEBUG} ..` shows where, please report it"


def code_for(error: BaseException) -> int:
    """Return the exit code."""
    match error:
        case AlreadyRunning():
            return EXIT_RUNNING
        case ConfigError():
            return EXIT_CONFIG
        case _:
            return EXIT_FAILURE
