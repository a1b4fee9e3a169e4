"""What the failure-state reader and its middleware cost, beside the naive way in the same run."""

import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import Row, show
from target_app.failure_state import FailureStateReader

ROOT = Path(__file__).parents[1]
APP = """
from target_app.middleware import FailureStateMiddleware

HEADERS = [(b"content-length", b"5")]

async def bare(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"hello"})

hurt = FailureStateMiddleware(bare)
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


def rows() -> list[Row]:
    """Every measurement; about 25 s in all."""
    return [*reader_cost(), *throughput(), *reaction("config_error", 60), *reaction("slow", 40)]


# --- one call -------------------------------------------------------------------------------------------


def reader_cost() -> list[Row]:
    """A call in a tight loop on a healthy file, against opening and parsing it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "state.json")
        put(path, "healthy")
        os.utime(path, (time.time() - 60,) * 2)
        reader = FailureStateReader(path)

        def naive() -> None:
            with path.open() as file:
                json.load(file)

        # Taken in turns, so that a slow moment of the machine hits both.
        pairs = [(cost(reader.state, 200_000), cost(naive, 5_000)) for _ in range(9)]
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return [Row("reader, healthy, per call", ours * 1e6, "us", theirs * 1e6, theirs / ours)]


def cost(call: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times


# --- requests per second --------------------------------------------------------------------------------


def throughput() -> list[Row]:
    """A trivial app under uvicorn, with the middleware and without."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        put(folder / "state.json", "healthy")
        ports = [stack.enter_context(server(folder, app)) for app in ("hurt", "bare")]
        crowds = [[stack.enter_context(connect(port)) for _ in range(8)] for port in ports]
        pairs = [_in_turn(crowds, backwards=bool(turn % 2)) for turn in range(16)]
    ours, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    kept = statistics.median(with_it / without for with_it, without in pairs)
    return [Row("uvicorn with the middleware", ours, "requests/s", bare, kept)]


def _in_turn(crowds: list[list[socket.socket]], *, backwards: bool) -> tuple[float, float]:
    if backwards:
        second, first = (requests_per_second(crowd, 0.4) for crowd in reversed(crowds))
    else:
        first, second = (requests_per_second(crowd, 0.4) for crowd in crowds)
    return first, second


def requests_per_second(crowd: list[socket.socket], seconds: float) -> float:
    started, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        for connection in crowd:
            connection.sendall(REQUEST)
        for connection in crowd:
            status_of(connection)
        count += len(crowd)
    return count / elapsed


# --- how soon a state is felt ---------------------------------------------------------------------------


def reaction(mode: str, times: int) -> list[Row]:
    """How long after its writing a state is felt, and after its clearing still is; one client, no pause."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "state.json"
        with server(folder, "hurt") as port, connect(port) as client:
            pairs = [_once(path, mode, client) for _ in range(times)]
    felt, over = ([seconds * 1000 for seconds in side] for side in zip(*pairs, strict=True))
    return [
        *_quantiles(f"{mode}: write to first hurt", felt),
        *_quantiles(f"{mode}: clear to last hurt", over),
    ]


def _once(path: Path, mode: str, client: socket.socket) -> tuple[float, float]:
    # At any moment between two looks, else all turns would measure the same phase.
    serve_for(client, random.uniform(0, 0.03))
    put(path, mode, 15.0)
    written = time.perf_counter()
    felt = _first_to_hang(client) if mode == "slow" else _first_other_than(200, client)
    if mode == "slow":
        time.sleep(random.uniform(0, 0.05))
    else:
        serve_for(client, random.uniform(0, 0.03))
    path.unlink()
    cleared = time.perf_counter()
    if mode == "slow":
        status_of(client)
        return felt - written, time.perf_counter() - cleared
    return felt - written, _first_other_than(500, client) - cleared


def serve_for(client: socket.socket, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        ask(client)


def _first_other_than(status: int, client: socket.socket) -> float:
    while ask(client) == status:
        pass
    return time.perf_counter()


def _first_to_hang(client: socket.socket) -> float:
    """When the request was sent that is not answered within 30 ms."""
    client.settimeout(0.03)
    try:
        while True:
            sent = time.perf_counter()
            client.sendall(REQUEST)
            try:
                status_of(client)
            except TimeoutError:
                return sent
    finally:
        client.settimeout(20)


def _quantiles(name: str, values: list[float]) -> Iterator[Row]:
    in_order = sorted(values)
    for percent in (50, 99):
        yield Row(f"{name}, p{percent}", in_order[round(percent / 100 * (len(in_order) - 1))], "ms")


# --- a server and a client that cost little themselves --------------------------------------------------


def put(path: Path, mode: str, delay: float = 0.0) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(
        json.dumps({"mode": mode, "delay": delay, "timestamp": time.time(), "heals_on": "never"})
    )
    fresh.replace(path)


def ask(client: socket.socket) -> int:
    client.sendall(REQUEST)
    return status_of(client)


def status_of(client: socket.socket) -> int:
    """Read one whole answer; their bodies are short and have a length."""
    answer = client.recv(4096)
    while b"\r\n\r\n" not in answer or not _whole(answer):
        answer += client.recv(4096)
    return int(answer[9:12])


def _whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


@contextmanager
def server(folder: Path, app: str) -> Iterator[int]:
    (folder / "bench_app.py").write_text(APP)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}", "FAILURE_STATE_FILE": str(folder / "state.json")}
    options = ["--port", str(port), "--log-level", "critical", "--no-access-log"]
    process = subprocess.Popen([sys.executable, "-m", "uvicorn", f"bench_app:{app}", *options], env=env)
    try:
        with connect(port):
            yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def connect(port: int) -> socket.socket:
    end = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    show("The failure-state reader and its middleware", rows())
