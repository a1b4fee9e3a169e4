"""Many Prometheus queries of one evaluation, beside a client that asks one after another.

    python -m benchmarks.asking

A real Prometheus on loopback, as it is, and behind a relay that makes its answers travel: 20 ms there and
back, as to another zone or through a load balancer. Both sides keep their connections.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from urllib.parse import urlsplit

import requests  # noqa: TID251 - the other client

from benchmarks.judging import has_docker
from benchmarks.table import Row, show
from chaos_engine.adapters.http_prober import HttpProber
from chaos_engine.adapters.prometheus import PrometheusApi
from chaos_engine.evaluation import evaluate
from chaos_engine.model import Outcome, PrometheusProbe, Purpose, Question, Window
from chaos_engine.ports import Sources
from evaluators.expectation import parse
from tests.integration.prometheus_server import Exporter, config, free_port, prometheus

COUNTS = {1: 9, 100: 5, 1000: 2}  # how many queries, how often
AWAY = 0.02  # seconds there and back
BUDGET = 120.0
EXPECTED = parse("< 1e9")


def rows() -> list[Row]:
    """Every measurement; about a minute and a half in all. Without Docker there are none."""
    if not has_docker():
        print("asking: needs Docker for its Prometheus; skipped")
        return []
    exporter = Exporter()
    exporter.metrics = {f'shop_orders{{n="{n}"}}': float(n) for n in range(max(COUNTS))}
    try:
        with prometheus(config({"shop": exporter.port})) as near, relay(near) as far:
            _wait_until_scraped(near)
            return [*_rows(far, f"{AWAY * 1000:g} ms away"), *_rows(near, "on loopback")]
    finally:
        exporter.close()


def _rows(url: str, where: str) -> Iterator[Row]:
    for count, times in COUNTS.items():
        queries = [f'shop_orders{{n="{n}"}}' for n in range(count)]
        # Taken in turns, so that a slow moment of the machine hits both.
        took = [(_took(_together, url, queries), _took(_one_by_one, url, queries)) for _ in range(times)]
        ours, naive = (median(side) for side in zip(*took, strict=True))
        name = f"{count} Prometheus quer{'y' if count == 1 else 'ies'}, {where}"
        yield Row(name, ours, "s", naive, naive / ours)


def _took(ask: Callable[[str, Sequence[str]], int], url: str, queries: Sequence[str]) -> float:
    began = time.monotonic()
    answered = ask(url, queries)
    took = time.monotonic() - began
    if answered != len(queries):
        raise RuntimeError(f"{answered} of {len(queries)} queries were answered")
    return took


def _together(url: str, queries: Sequence[str]) -> int:
    """One evaluation, as the engine does it: its verdicts too."""
    now = time.time()
    window = Window(now - 10, now)
    asked = [Question(PrometheusProbe(q, EXPECTED, url), Purpose.ABORT, window) for q in queries]
    judged = evaluate(asked, Sources(HttpProber(), PrometheusApi()), time.time, BUDGET)
    return sum(judgement.outcome is Outcome.PASS for judgement in judged)


def _one_by_one(url: str, queries: Sequence[str]) -> int:
    """One after another, over one connection."""
    answered = 0
    with requests.Session() as session:
        session.trust_env = False
        for query in queries:
            form = {"query": query, "time": f"{time.time():.3f}"}
            body = session.post(f"{url}/api/v1/query", data=form, timeout=10).json()
            answered += all(float(one["value"][1]) < 1e9 for one in body["data"]["result"]) and 1
    return answered


def _wait_until_scraped(url: str) -> None:
    deadline = time.monotonic() + 30
    while _scraped(url) < max(COUNTS):
        if time.monotonic() > deadline:
            raise RuntimeError("the exporter is not scraped")
        time.sleep(0.2)


def _scraped(url: str) -> int:
    form = {"query": "count(shop_orders)"}
    result = requests.post(f"{url}/api/v1/query", data=form, timeout=10).json()["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


# --- the way there and back -----------------------------------------------------------------------------


@contextmanager
def relay(url: str) -> Iterator[str]:
    """A process that hands everything on, half of AWAY later."""
    port, behind = free_port(), urlsplit(url).port
    command = [sys.executable, "-m", "benchmarks.asking", "relay", str(port), str(behind)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


async def _relay(port: int, behind: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", behind)
        await asyncio.gather(_hand_on(reader, other_writer), _hand_on(other_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=256)
    print("ready", flush=True)
    await server.serve_forever()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while chunk := await reader.read(65536):
        loop.call_later(AWAY / 2, writer.write, chunk)
    loop.call_later(AWAY / 2, writer.close)


if __name__ == "__main__":
    if sys.argv[1:2] == ["relay"]:
        asyncio.run(_relay(int(sys.argv[2]), int(sys.argv[3])))
    else:
        show("Asked side by side", rows())
