"""What a gateway asks of its cloud beside the sending of batches: a token, its next one, its configuration."""

from typing import Any, TypeVar

import httpx
import msgspec

from edge.errors import BatchRefused, EnrolmentRefused, Unreachable, UplinkError
from edge.sync.answers import named, problem
from edge.sync.client import CloudClient

_PREFIX = "/api/v1/gateways"
_JSON = {"Content-Type": "application/json"}
# as many bytes as the longest document may have, written as JSON
_MAX_DOCUMENT = 4_000_000


class Issued(msgspec.Struct, frozen=True):
    """A token that the cloud gave out, and the gateway that it is of."""

    gateway: str
    token: str


class Assigned(msgspec.Struct, frozen=True):
    """A configuration that was set in the cloud for this gateway."""

    version: int
    document: str


_Told = TypeVar("_Told", Issued, Assigned)


class Office:
    """Asks over the client that batches go over, too."""

    def __init__(self, client: CloudClient) -> None:
        self._client = client

    async def enrol(self, code: str) -> Issued:
        """Trade a code for a token.

        Raises:
            EnrolmentRefused: The code is wrong, used, or too old.
            UplinkError: There was no such answer.
        """
        response, body = await self._client.exchange(f"{_PREFIX}/enrol", msgspec.json.encode({"code": code}), _JSON)
        told, detail = problem(response, body)
        if told == "ENROLMENT_CODE_INVALID" or (told is not None and response.status_code == 422):
            raise EnrolmentRefused(detail)
        return await self._issued(response, body)

    async def rotate(self) -> Issued:
        """Return this gateway's next token; the present one is good until that is first used.

        Raises:
            UplinkError: There was none.
        """
        return await self._issued(*await self._client.exchange(f"{_PREFIX}/rotate"))

    async def configuration(self) -> Assigned:
        """Return the newest configuration that was set for this gateway.

        Raises:
            UplinkError: There was none.
        """
        path = f"{_PREFIX}/configuration"
        response, body = await self._client.exchange(path, method="GET", max_answer=_MAX_DOCUMENT)
        if not response.is_success:
            raise _plain(response, body)
        return _data(body, Assigned)

    async def tell_outcome(self, version: int, outcome: str, detail: str) -> bool:
        """Say what became of a configuration; returns whether the cloud took note of it, and will not if it did not.

        Raises:
            UplinkError: There was no answer.
        """
        told = {"version": version, "outcome": outcome, "detail": detail}
        path = f"{_PREFIX}/configuration/outcome"
        response, body = await self._client.exchange(path, msgspec.json.encode(told), _JSON)
        if response.is_success:
            return True
        error = named(response, body)
        is_unknown = response.status_code == httpx.codes.NOT_FOUND and problem(response, body)[0] is not None
        if isinstance(error, BatchRefused) or is_unknown:
            return False
        raise error

    @staticmethod
    async def _issued(response: httpx.Response, body: bytes) -> Issued:
        if not response.is_success:
            raise _plain(response, body)
        issued = _data(body, Issued)
        if not (issued.token.isascii() and issued.token.isprintable() and issued.token.split() == [issued.token]):
            raise Unreachable("what was given for a token is none; check cloud.url")
        return issued


def _plain(response: httpx.Response, body: bytes) -> UplinkError:
    """Return the failure; none of these is about a batch."""
    error = named(response, body)
    return Unreachable(error.message) if isinstance(error, BatchRefused) else error


def _data(body: bytes, kind: type[_Told]) -> _Told:
    """Return what stands in the envelope.

    Raises:
        Unreachable: That is not it.
    """
    try:
        envelope = msgspec.json.decode(body, type=dict[str, Any])
        return msgspec.convert(envelope["data"], kind)
    except (msgspec.MsgspecError, KeyError) as error:
        raise Unreachable("what answers is not a Tezgah cloud of this version; check cloud.url") from error
