"""A network as a shop floor has it, and the phones on it: the end must be the same as without any loss.

Requests are lost, answers are lost, requests arrive twice, or once more long after; apps are killed between
getting an answer and keeping it. What a phone has kept (its outbox, its things and its cursor) outlives the app.
"""

import random
from typing import Any

import httpx

from tests.integration.cloud.sync.conftest import Replica


class Lost(Exception):
    """No answer came; whether the request did, nobody knows."""


class Network:
    """Between phones and the cloud; without a seed it loses nothing."""

    def __init__(self, client: httpx.AsyncClient, seed: int | None) -> None:
        self._client = client
        self._chance = random.Random(seed) if seed is not None else None
        self._late: list[dict[str, Any]] = []
        self.lost = 0

    async def send(self, method: str, path: str, headers: dict[str, str], **more: Any) -> httpx.Response:
        """Send a request and return its answer, if both arrive."""
        request = {"method": method, "url": path, "headers": headers, **more}
        chance = self._chance
        if chance is None:
            return await self._client.request(**request)
        await self._bring_late(chance, 0.3)
        fate = chance.random()
        if fate < 0.2:  # the request is lost; a copy of it may be on its way for long
            if chance.random() < 0.5:
                self._late.append(request)
            raise self._gone()
        answer = await self._client.request(**request)
        if fate < 0.45:
            if chance.random() < 0.5:
                self._late.append(request)
            raise self._gone()
        if fate < 0.6:
            answer = await self._client.request(**request)  # twice, and the second answer is the one that comes
        return answer

    def kills(self) -> bool:
        """Whether the app is killed at this moment."""
        return self._chance is not None and self._chance.random() < 0.15

    async def heal(self) -> None:
        """Bring whatever is still on its way, in any order, and lose nothing any more."""
        if self._chance is not None:
            self._chance.shuffle(self._late)
            await self._bring_late(self._chance, 1.0)
        self._chance = None

    async def _bring_late(self, chance: random.Random, share: float) -> None:
        for request in list(self._late):
            if chance.random() < share:
                self._late.remove(request)
                await self._client.request(**request)

    def _gone(self) -> Lost:
        self.lost += 1
        return Lost()


class Phone:
    """One worker's app: what they do goes into the outbox first, and leaves it when an answer was kept."""

    def __init__(self, network: Network, headers: dict[str, str]) -> None:
        self._network, self._headers = network, headers
        self.outbox: list[dict[str, Any]] = []
        self.outcomes: list[str] = []
        self.kept = Replica(network, headers, limit=3)  # type: ignore[arg-type]

    async def push(self) -> None:
        """Try to bring the oldest intentions to the cloud."""
        ops = self.outbox[:3]
        if not ops:
            return
        answer = await self._network.send("POST", "/sync/push", self._headers, json={"ops": ops})
        assert answer.status_code == 200, answer.text
        if self._network.kills():
            return
        results = answer.json()["results"]
        assert [each["op_id"] for each in results] == [each["op_id"] for each in ops]
        self.outcomes += [each["outcome"] for each in results]
        del self.outbox[: len(ops)]

    async def pull(self) -> bool:
        """Try to get one page of what changed; return whether there is more."""
        params = {"limit": self.kept.limit} | ({"cursor": self.kept.cursor} if self.kept.cursor else {})
        answer = await self._network.send("GET", "/sync/pull", self._headers, params=params)
        assert answer.status_code == 200, answer.text
        if self._network.kills():
            return True
        self.kept.keep(answer.json())
        return bool(answer.json()["has_more"])
