"""The demo's eyes on the cloud and the gateway: their HTTP addresses, as any client would use them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from simulators.demo.audit import Row
from simulators.errors import DemoError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# what one page of readings may hold (the API's limit for readings)
_PAGE = 1000
# the cloud's figures that the demo shows
LAG = "tezgah_ingest_lag_seconds"
STORED = "tezgah_ingest_readings_total"


class Cloud:
    """The cloud API, signed in."""

    def __init__(self, address: str, username: str, password: str) -> None:
        """Sign in.

        Raises:
            DemoError: The cloud does not answer as it should.
        """
        self.address = address
        self._client = httpx.Client(base_url=address, timeout=10)
        answer = self._client.post("/auth/login", json={"username": username, "password": password})
        if answer.status_code == 401:
            raise DemoError(
                f"the cloud in this directory does not know {username} by the password kept beside it: "
                "the directory is not of one piece. Delete it (.demo) and start again"
            )
        if answer.status_code != 200:
            raise DemoError(f"signing in as {username} answered {answer.status_code}: {answer.text[:300]}")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def machines(self) -> list[dict[str, Any]]:
        """Return every machine, by code."""
        found = self._get("/api/v1/machines", limit=200)["data"]
        return sorted(found, key=lambda machine: str(machine["code"]))

    def status(self, code: str) -> dict[str, Any]:
        """Return what a machine is doing and the latest values of its tags."""
        status: dict[str, Any] = self._get(f"/api/v1/machines/{code}/status")["data"]
        return status

    def rows(self, code: str, since: datetime) -> Iterator[Row]:
        """Return a machine's readings from `since` on, the oldest first."""
        query: dict[str, Any] = {"from": since.isoformat(), "limit": _PAGE}
        found: list[Row] = []
        while True:
            page = self._get(f"/api/v1/machines/{code}/readings", **query)
            found += [
                Row(reading["device"], reading["tag"], _microseconds(reading["timestamp"]), reading["value"])
                for reading in page["data"]
            ]
            cursor = page["meta"].get("next_cursor")
            if cursor is None:
                return reversed(found)  # the API gives the newest first
            query["cursor"] = cursor

    def gaps(self, since: datetime) -> list[dict[str, Any]]:
        """Return the holes in the readings from `since` on."""
        found: list[dict[str, Any]] = self._get("/api/v1/gaps", **{"from": since.isoformat(), "limit": 200})["data"]
        return found

    def metrics(self) -> "Metrics":
        """Return the cloud's figures."""
        return Metrics(self._client.get("/metrics").text)

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self._client.get(path, params=query)
        if answer.status_code != 200:
            raise DemoError(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
        body: dict[str, Any] = answer.json()
        return body

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Metrics:
    """A page of Prometheus figures."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of that name and those labels; 0 if there are none."""
        return sum(
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def buckets(self, name: str) -> dict[float, float]:
        """Return a histogram's cumulative counts by upper bound."""
        return {float(sample.labels["le"]): sample.value for sample in self._samples if sample.name == f"{name}_bucket"}


def quantile(before: dict[float, float], after: dict[float, float], q: float) -> float | None:
    """Estimate a quantile of what a histogram counted between two looks at it; None if it counted nothing.

    The estimate is linear within a bucket (as Prometheus' histogram_quantile).
    """
    counts = sorted((bound, after[bound] - before.get(bound, 0.0)) for bound in after)
    if not counts or counts[-1][1] <= 0:
        return None
    wanted = q * counts[-1][1]
    low, below = 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            share = (wanted - below) / (count - below) if count > below else 0.0
            return low if bound == float("inf") else low + (bound - low) * share
        low, below = bound, count
    return low


def _microseconds(timestamp: str) -> int:
    passed = datetime.fromisoformat(timestamp) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
