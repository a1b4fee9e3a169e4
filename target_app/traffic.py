"""A small load generator: `python -m target_app.traffic http://target-app:8000 --rate 10`.

Open loop: requests start on a steady beat, however slow the answers are, as users do.
"""

import argparse
import asyncio
import json
import random
import signal
import time
from collections import Counter
from typing import Final
from urllib.parse import SplitResult, urlsplit

MOST_IN_FLIGHT: Final = 500
TIMEOUT: Final = 60.0
SUMMARY_EVERY: Final = 10.0

_WHAT: Final = ("list", "product", "order")
_WEIGHTS: Final = (6, 3, 1)
_PRODUCTS: Final = 6


class Tally:
    """What happened since the last summary."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seconds: list[float] = []

    def summary(self) -> str:
        """One line for people."""
        good = sum(count for outcome, count in self.outcomes.items() if outcome.startswith("2"))
        other = {outcome: count for outcome, count in sorted(self.outcomes.items()) if outcome[0] != "2"}
        parts = [f"{self.outcomes.total()} requests", f"{good} ok", *(f"{n} x {o}" for o, n in other.items())]
        if self.seconds:
            worst = sorted(self.seconds)
            parts.append(f"p50 {_ms(worst, 0.5)}, p95 {_ms(worst, 0.95)}")
        return ", ".join(parts)


def _ms(in_order: list[float], quantile: float) -> str:
    return f"{in_order[int(quantile * (len(in_order) - 1))] * 1000:.0f} ms"


def request_bytes(base: SplitResult, dice: random.Random) -> bytes:
    """A random request: mostly the list, sometimes one product, now and then an order."""
    what = dice.choices(_WHAT, _WEIGHTS)[0]
    product = dice.randint(1, _PRODUCTS)
    if what == "order":
        body = json.dumps({"product_id": product, "quantity": dice.randint(1, 3)}).encode()
        return _head(base, "POST", "/orders", body)
    return _head(base, "GET", "/products" if what == "list" else f"/products/{product}", b"")


def _head(base: SplitResult, method: str, path: str, body: bytes) -> bytes:
    lines = [f"{method} {base.path.rstrip('/')}{path} HTTP/1.1", f"Host: {base.netloc}", "Connection: close"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Traffic:
    """Sends requests to `base` at `rate` a second until cancelled."""

    def __init__(self, base: SplitResult, rate: float, dice: random.Random) -> None:
        self._base = base
        self._rate = rate
        self._dice = dice
        self._in_flight: set[asyncio.Task[None]] = set()
        self._tally = Tally()

    async def run(self) -> None:
        """Keep the beat; a beat that was missed is made up for, so that the rate holds."""
        beat = asyncio.get_running_loop().time()
        while True:
            self._start_one()
            beat += 1 / self._rate
            await asyncio.sleep(max(0.0, beat - asyncio.get_running_loop().time()))

    async def report(self) -> None:
        """Print a summary every ten seconds."""
        while True:
            await asyncio.sleep(SUMMARY_EVERY)
            self.summarize()

    def summarize(self) -> None:
        """Print what happened since the last time."""
        tally, self._tally = self._tally, Tally()
        print(tally.summary(), flush=True)

    def _start_one(self) -> None:
        if len(self._in_flight) >= MOST_IN_FLIGHT:
            self._tally.outcomes["not sent (too many in flight)"] += 1
            return
        task = asyncio.ensure_future(self._one(request_bytes(self._base, self._dice)))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _one(self, request: bytes) -> None:
        started = time.perf_counter()
        outcome = await self._outcome(request)
        self._tally.outcomes[outcome] += 1
        self._tally.seconds.append(time.perf_counter() - started)

    async def _outcome(self, request: bytes) -> str:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await exchange(self._base, request)
        except TimeoutError:
            return "timed out"
        except (OSError, EOFError, ValueError):
            return "no answer"


async def exchange(base: SplitResult, request: bytes) -> str:
    """Send one request on a connection of its own, read the whole answer, and return its status."""
    reader, writer = await asyncio.open_connection(base.hostname, base.port or 80)
    try:
        writer.write(request)
        answer = await reader.read()
    finally:
        writer.close()
    return str(int(answer[9:12]))  # HTTP/1.1 200


async def send_until_told(traffic: Traffic) -> None:
    """Send until SIGTERM or SIGINT, then leave at once."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    working = [asyncio.ensure_future(traffic.run()), asyncio.ensure_future(traffic.report())]
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait({*working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    traffic.summarize()
    for task in working:
        if task.done():
            task.result()


def main() -> None:
    """Parse the command line and send."""
    parser = argparse.ArgumentParser(prog="python -m target_app.traffic", description="Traffic for the shop.")
    parser.add_argument("url", help="where the shop is, e.g. http://target-app:8000")
    parser.add_argument("--rate", type=float, default=10.0, help="requests per second")
    parser.add_argument("--seed", type=int, help="the same requests in the same order")
    options = parser.parse_args()
    base = urlsplit(options.url)
    if base.scheme != "http" or not base.hostname or options.rate <= 0:
        parser.error("needs an http:// address and a rate above 0")
    dice = random.Random(options.seed)  # noqa: S311 - traffic, not secrets
    asyncio.run(send_until_told(Traffic(base, options.rate, dice)))


if __name__ == "__main__":
    main()
