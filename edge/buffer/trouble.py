"""Trouble: what does not work at the moment, said once when it begins and once when it is over."""

from shared.logs import get

_log = get(__name__)


class Trouble:
    """The failures that last, by what they concern (`commit`, `sweep`, `read`)."""

    def __init__(self) -> None:
        self._messages: dict[str, str] = {}

    @property
    def message(self) -> str | None:
        """What does not work, in words; None if all is well."""
        return "; ".join(f"{what}: {message}" for what, message in self._messages.items()) or None

    def began(self, what: str, message: str) -> None:
        """Note a failure; only the first of a row is logged."""
        if what not in self._messages:
            _log.error("buffer fails and tries again", what=what, error=message)
        self._messages[what] = message

    def ended(self, what: str) -> None:
        """Note a success."""
        if self._messages.pop(what, None) is not None:
            _log.warning("buffer works again", what=what)
