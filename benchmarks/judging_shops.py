"""Many shops in one server: each is hurt by its own failure-state file, in the way that its label says.

    python -m benchmarks.judging_shops PORT SHOPS.json

A shop's traffic goes through the same handler as a client's requests, without a socket: that spares the
machine thousands of connections a second. The server knows when each shop really was unwell: `/truth`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

from target_app.failure_state import FailureState, FailureStateReader

REQUESTS_A_SECOND = 20  # to each shop
GROUPS = 10  # shops take turns, so that requests do not come all at once
USUAL = (0.004, 0.014)  # seconds that a request takes
FAILING = {"outage": 1.0, "5 % errors": 0.05}  # share of requests, while hurt
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Spec:
    """What a shop is told at its start. `lag`: seconds for which it stays unwell after the clearing."""

    name: str
    label: str
    lag: float
    state_file: str


@dataclass(slots=True)
class Truth:
    """Wall times. Requests sent from `hurt_at` until `whole_at` were in danger; the last bad one when?"""

    hurt_at: float | None = None
    last_bad_at: float | None = None
    whole_at: float | None = None


class Shop:
    """Hurt while its file says so, and `lag` seconds longer."""

    def __init__(self, spec: Spec) -> None:
        self.truth = Truth()
        self._spec, self._rng = spec, Random(spec.name)
        self._reader = FailureStateReader(spec.state_file)
        self._last: FailureState | None = None  # what it still suffers from
        self._requests: Counter[int] = Counter()
        self._slots, self._seconds = [0] * (len(BOUNDS) + 1), 0.0

    async def answer(self) -> int:
        """One request: the status of its answer."""
        sent, started = time.time(), time.monotonic()
        hurt = self._hurt(sent)
        fails = hurt is not None and self._rng.random() < FAILING.get(self._spec.label, 0.0)
        delay = hurt.delay if hurt else 0.0
        if fails or delay:
            self.truth.last_bad_at = sent
        await asyncio.sleep(self._rng.uniform(*USUAL) + delay)
        status = 500 if fails else 200
        self._count(status, time.monotonic() - started)
        return status

    def _hurt(self, now: float) -> FailureState | None:
        """What a request that begins now suffers from."""
        if self._spec.label == "sham":
            return None
        state = self._reader.state()
        if state.mode != "healthy":
            self._last, self.truth.hurt_at = state, self.truth.hurt_at or now
            return state
        if self._last and self.truth.whole_at is None:
            self.truth.whole_at = now + self._spec.lag
        if self.truth.whole_at is None or now >= self.truth.whole_at:
            self._last = None
        return self._last

    def _count(self, status: int, took: float) -> None:
        self._requests[status] += 1
        self._slots[bisect_left(BOUNDS, took)] += 1
        self._seconds += took

    def metrics(self) -> str:
        """As a client library writes them: a status that never was has no series."""
        lines = [f'shop_requests_total{{status="{s}"}} {n}' for s, n in sorted(self._requests.items())]
        bounds = (*map(str, BOUNDS), "+Inf")
        lines += [
            f'shop_request_seconds_bucket{{le="{bound}"}} {below}'
            for bound, below in zip(bounds, accumulate(self._slots), strict=True)
        ]
        count = sum(self._slots)
        lines += [f"shop_request_seconds_sum {self._seconds}", f"shop_request_seconds_count {count}", ""]
        return "\n".join(lines)


async def traffic(shops: Mapping[str, Shop]) -> None:
    """Open loop: a slow shop gets as many requests as a fast one."""
    every, turn, under_way = 1 / REQUESTS_A_SECOND / GROUPS, 0, set[asyncio.Task[int]]()
    groups = [list(shops.values())[i::GROUPS] for i in range(GROUPS)]
    started = time.monotonic()
    while True:
        for shop in groups[turn % GROUPS]:
            request = asyncio.create_task(shop.answer())
            under_way.add(request)
            request.add_done_callback(under_way.discard)
        turn += 1
        await asyncio.sleep(max(0.0, started + turn * every - time.monotonic()))


# --- HTTP, as much of it as probes and scrapes need -----------------------------------------------------


class Server:
    """`/SHOP/products`, `/SHOP/metrics`, and `/truth` of all shops."""

    def __init__(self, shops: Mapping[str, Shop]) -> None:
        self._shops = shops

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; it is kept until the client closes it."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                status, body = await self._route(head.split(b" ", 2)[1].decode())
                writer.write(
                    f"HTTP/1.1 {status} -\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _route(self, path: str) -> tuple[int, str]:
        _, name, *rest = path.split("/")
        if name == "truth":
            return 200, json.dumps({name: asdict(shop.truth) for name, shop in self._shops.items()})
        shop = self._shops.get(name)
        if shop is None or rest not in (["products"], ["metrics"]):
            return 404, ""
        return (200, shop.metrics()) if rest == ["metrics"] else (await shop.answer(), "[]")


async def run(port: int, specs: list[Spec]) -> None:
    shops = {spec.name: Shop(spec) for spec in specs}
    server = await asyncio.start_server(Server(shops).serve, "127.0.0.1", port, backlog=1024)
    async with server:
        await traffic(shops)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), [Spec(**spec) for spec in json.loads(Path(sys.argv[2]).read_text())]))
