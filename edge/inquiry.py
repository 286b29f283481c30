"""Asking a running gateway over its page's server, from the command line."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from shared.errors import AppError

# it answers from memory
_TIMEOUT_S = 5.0
_Params = Mapping[str, str | int | Sequence[str]]


class NotAnswering(AppError):
    """No gateway answers there."""

    code = "NOT_ANSWERING"


class Refused(AppError):
    """The gateway answers, and says no."""

    code = "REFUSED"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running gateway, as its page's server tells of it.

    Attributes:
        url: Of the server, such as http://127.0.0.1:9108.
        token: What it wants to be shown; None on loopback.
    """

    url: str
    token: str | None = None

    def health(self) -> dict[str, Any]:
        """Return the health page's document.

        Raises:
            NotAnswering: Nobody answers, or it is not a gateway.
            Refused: It wants a token.
        """
        document = self.json("/health")
        if not {"status", "connections", "buffer", "sync"} <= document.keys():
            raise self._stranger()
        return document

    def json(self, path: str, params: _Params | None = None) -> dict[str, Any]:
        """Return a page's document.

        Raises:
            NotAnswering, Refused: see `health`.
        """
        try:
            document = msgspec.json.decode(self.text(path, params))
        except msgspec.MsgspecError as error:
            raise self._stranger() from error
        if not isinstance(document, dict):
            raise self._stranger()
        return document

    def text(self, path: str, params: _Params | None = None) -> str:
        """Return a page.

        Raises:
            NotAnswering, Refused: see `health`.
        """
        with self._asking() as client:
            answer = client.get(path, params=dict(params or {}))
            self._judge(answer)
            return answer.text

    @contextmanager
    def lines(self, path: str, params: _Params) -> Iterator[Iterator[dict[str, Any]]]:
        """Give the documents of a stream as they come, until the block ends.

        Raises:
            NotAnswering, Refused: see `health`; NotAnswering also when it ends.
        """
        with self._asking() as client, client.stream("GET", path, params=dict(params)) as answer:
            if not answer.is_success:
                answer.read()
            self._judge(answer)
            yield (msgspec.json.decode(line) for line in answer.iter_lines() if line.strip())

    @contextmanager
    def _asking(self) -> Iterator[httpx.Client]:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            # no proxy stands between a command and its own machine
            with httpx.Client(
                base_url=self.url.rstrip("/"), timeout=_TIMEOUT_S, trust_env=False, headers=headers
            ) as client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotAnswering(
                f"no gateway answers at {self.url} ({error}); is it running, and is this its health.listen? "
                "`--config FILE` looks that up"
            ) from error

    def _judge(self, answer: httpx.Response) -> None:
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise Refused(f"{self.url} wants its token: name the configuration by --config, which refers to it")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise self._stranger()
        if not answer.is_success:
            raise Refused(f"{self.url} answers {answer.status_code}: {answer.text.strip()[:300]}")

    def _stranger(self) -> NotAnswering:
        return NotAnswering(
            f"what answers at {self.url} is not a gateway, or one of another version; "
            "look up health.listen in its configuration"
        )
