"""The receipt: the cloud's word that a batch is in PostgreSQL, sent only after its commit."""

from enum import StrEnum
from typing import Any

import msgspec

from shared.errors import WireError


class Outcome(StrEnum):
    """What became of a batch; both mean that its readings are stored once."""

    STORED = "stored"
    DUPLICATE = "duplicate"


class Receipt(msgspec.Struct, frozen=True):
    """The answer to one batch; a batch sent again gets the same one, with `outcome` duplicate.

    `rows` counts the readings in the batch, `repeated` those of them that an earlier batch had
    already brought (the source sent them twice).
    """

    epoch: str
    seq: int
    outcome: Outcome
    rows: int
    repeated: int = 0


def from_json(body: bytes) -> Receipt:
    """Read a receipt from an answer of `/api/v1/ingest/batches`, inside its envelope.

    Raises:
        WireError: The body is not a receipt.
    """
    try:
        envelope: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        return msgspec.convert(envelope.get("data"), Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError(f"the answer is not a receipt: {error}; check that cloud.url is a Tezgah cloud") from error
