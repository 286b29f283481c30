"""Owns signing a request for S3: AWS Signature Version 4, with the signature in a header. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; sixty lines, where AWS's own
library brings a hundred megabytes for two calls.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs, and where."""

    access_key: str
    secret_key: str
    region: str
    service: str = "s3"


def signed(
    identity: Identity, method: str, url: str, content: bytes, now: datetime, headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the headers that make a request this identity's: those given, and four of the signature's own.

    Args:
        identity: Who signs.
        method: GET, PUT, ...
        url: Without a query; its path as it is sent, not yet percent-encoded.
        content: The body.
        now: UTC; the server's clock may differ by 15 minutes.
        headers: To be signed with it, by lower-case name.
    """
    address = urlsplit(url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(content).hexdigest()
    covered = {
        **(headers or {}),
        "host": address.netloc,
        "x-amz-content-sha256": digest,
        "x-amz-date": stamp,
    }
    names = ";".join(sorted(covered))
    lines = [f"{name}:{' '.join(covered[name].split())}\n" for name in sorted(covered)]
    canonical = "\n".join([method, quote(address.path or "/", safe="/-_.~"), "", "".join(lines), names, digest])
    scope = f"{stamp[:8]}/{identity.region}/{identity.service}/aws4_request"
    to_sign = "\n".join([_ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(_key(identity, stamp[:8]), to_sign.encode(), hashlib.sha256).hexdigest()
    covered["authorization"] = (
        f"{_ALGORITHM} Credential={identity.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return covered


def _key(identity: Identity, day: str) -> bytes:
    key = f"AWS4{identity.secret_key}".encode()
    for part in (day, identity.region, identity.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
