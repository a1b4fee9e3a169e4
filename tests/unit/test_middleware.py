"""The failure middleware: in process with a fake app, then under real uvicorn on loopback."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from target_app import middleware
from target_app.failure_state import FailureStateReader
from target_app.middleware import CRASH_EXIT_CODE, FailureStateMiddleware, Message, take_down

LONG = 30.0
APP = """
from target_app.middleware import FailureStateMiddleware

async def hello(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

app = FailureStateMiddleware(hello)
"""


def put(path: Path, mode: str, **fields: Any) -> None:
    """Later than any start that these tests compare with, unless told otherwise."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps({"mode": mode, "timestamp": time.time() + 60, "heals_on": "never", **fields}))
    fresh.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "failure_state.json"


class Client:
    """Calls a middleware as a server would."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.served = 0
        self.crashes = 0
        self.app = FailureStateMiddleware(self._app, path, crash=self._crash, **options)

    async def _app(self, _scope: Any, _receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        self.served += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    def _crash(self) -> None:
        self.crashes += 1

    async def get(self, url: str = "/products", kind: str = "http") -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        await self.app({"type": kind, "path": url}, receive, send)
        return sent


def test_healthy_and_unknown_pass(path: Path) -> None:
    client = Client(path)
    assert asyncio.run(client.get())[0]["status"] == 200
    put(path, "explode")
    time.sleep(0.01)
    assert asyncio.run(client.get())[0]["status"] == 200


def test_config_error_answers_500_and_names_the_variable(path: Path) -> None:
    put(path, "config_error")
    client = Client(path)
    start, body = asyncio.run(client.get())
    assert start["status"] == 500
    assert "DATABASE_URL is missing" in json.loads(body["body"])["detail"]
    assert dict(start["headers"])[b"content-length"] == b"%d" % len(body["body"])
    assert client.served == 0


def test_crash_crashes_and_serves_nobody(path: Path) -> None:
    put(path, "crash")
    client = Client(path)
    assert asyncio.run(client.get()) == []
    assert (client.crashes, client.served) == (1, 0)


@pytest.mark.parametrize("mode", ["crash", "config_error", "slow"])
@pytest.mark.parametrize("url", ["/health", "/metrics", "/metrics/"])
def test_exempt_paths_pass(path: Path, mode: str, url: str) -> None:
    put(path, mode, delay=LONG)
    client = Client(path)
    assert asyncio.run(client.get(url))[0]["status"] == 200
    assert client.crashes == 0


def test_the_exempt_paths_are_the_ones_given(path: Path) -> None:
    put(path, "config_error")
    client = Client(path, exempt=("/alive",))
    assert asyncio.run(client.get("/alive"))[0]["status"] == 200
    assert asyncio.run(client.get("/health"))[0]["status"] == 500
    assert asyncio.run(client.get("/alive/still"))[0]["status"] == 500


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_not_http_passes(path: Path, kind: str) -> None:
    put(path, "crash")
    client = Client(path)
    assert asyncio.run(client.get(kind=kind))
    assert client.crashes == 0


def test_a_reader_may_be_shared(path: Path) -> None:
    put(path, "config_error")
    client = Client(path)
    client.app = FailureStateMiddleware(client._app, FailureStateReader(path))
    assert asyncio.run(client.get())[0]["status"] == 500


async def _timed(client: Client) -> float:
    started = time.monotonic()
    await client.get()
    return time.monotonic() - started


def test_slow_waits_its_delay(path: Path) -> None:
    put(path, "slow", delay=0.2)
    assert 0.2 <= asyncio.run(_timed(Client(path))) < 2


def test_slow_requests_wait_side_by_side_each_its_own_time(path: Path) -> None:
    put(path, "slow", delay=0.3)
    client = Client(path)

    async def staggered() -> list[float]:
        async def later(seconds: float) -> float:
            await asyncio.sleep(seconds)
            return await _timed(client)

        return await asyncio.gather(*(later(n * 0.05) for n in range(10)))

    started = time.monotonic()
    assert all(0.3 <= seconds < 0.6 for seconds in asyncio.run(staggered()))
    assert time.monotonic() - started < 2
    assert client.served == 10


@pytest.mark.parametrize("ending", ["cleared", "removed", "replaced", "expired"])
def test_all_who_wait_go_on_when_the_state_is_over(path: Path, ending: str) -> None:
    put(path, "slow", delay=LONG, **({"expires_at": time.time() + 0.3} if ending == "expired" else {}))
    if ending == "expired":
        put(path, "slow", delay=LONG, timestamp=time.time(), expires_at=time.time() + 0.3)
    client = Client(path)

    async def cleared_while_waiting() -> float:
        waiting = [asyncio.ensure_future(client.get()) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert client.served == 0
        if ending == "removed":
            path.unlink()
        elif ending != "expired":
            put(path, {"cleared": "healthy", "replaced": "slow"}[ending], delay=LONG, id="another")
        started = time.monotonic()
        await asyncio.gather(*waiting)
        return time.monotonic() - started

    assert asyncio.run(cleared_while_waiting()) < 2
    assert client.served == 20


def test_nobody_keeps_asking_when_nobody_waits(path: Path) -> None:
    put(path, "slow", delay=0.1)
    client = Client(path)

    async def afterwards() -> int:
        await client.get()
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks())

    assert asyncio.run(afterwards()) == 1


def test_a_second_event_loop_does_not_wait_for_the_first(path: Path) -> None:
    put(path, "slow", delay=LONG)
    client = Client(path)

    async def cleared_while_waiting() -> None:
        waiting = asyncio.ensure_future(client.get())
        await asyncio.sleep(0.1)
        path.unlink()
        await asyncio.wait_for(waiting, LONG / 6)

    with asyncio.Runner() as first, asyncio.Runner() as second:
        with pytest.raises(TimeoutError):
            first.run(asyncio.wait_for(client.get(), 0.1))
        second.run(cleared_while_waiting())
    assert client.served == 1


# --- what a crash kills ---------------------------------------------------------------------------------


class Ended(BaseException):
    """Stands for the end of this process."""


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The signals that were sent; none is really sent, and nothing ends."""
    sent: list[tuple[int, int]] = []

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr("os.kill", lambda pid, number: sent.append((pid, number)))
    monkeypatch.setattr("os._exit", end)
    return sent


def crash_below(monkeypatch: pytest.MonkeyPatch, main: int, workers: list[int]) -> None:
    monkeypatch.setenv("CHAOS_MAIN_PID", str(main))
    monkeypatch.setattr(middleware, "_children", lambda _pid: workers)
    with pytest.raises(Ended, match=str(CRASH_EXIT_CODE)):
        take_down()


def test_workers_die_after_the_main_process(
    monkeypatch: pytest.MonkeyPatch, ended: list[tuple[int, int]]
) -> None:
    crash_below(monkeypatch, 4_000_001, [4_000_002, os.getpid(), 4_000_003])
    assert ended == [(pid, signal.SIGKILL) for pid in (4_000_001, 4_000_002, 4_000_003)]


def test_pid_1_is_told_by_a_signal_that_it_can_get(
    monkeypatch: pytest.MonkeyPatch, ended: list[tuple[int, int]]
) -> None:
    crash_below(monkeypatch, 1, [4_000_002])
    assert ended == [(1, signal.SIGTERM)]


def test_gunicorn_as_pid_1_ends_by_the_exit_code_alone(
    monkeypatch: pytest.MonkeyPatch, ended: list[tuple[int, int]]
) -> None:
    monkeypatch.setitem(sys.modules, "gunicorn", sys)
    crash_below(monkeypatch, 1, [])
    assert ended == []


def test_a_main_process_out_of_reach_does_not_save_the_worker(
    monkeypatch: pytest.MonkeyPatch, ended: list[tuple[int, int]]
) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", refuse)
    crash_below(monkeypatch, 4_000_001, [4_000_002])


# --- under uvicorn --------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def get(port: int, url: str = "/", timeout: float = 20) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(port: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            assert get(port, "/health") == (200, b"hello")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def uvicorn(folder: Path, *options: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A real server in its own session, with no hint who is its main process."""
    (folder / "hello.py").write_text(APP)
    port = free_port()
    env = {name: value for name, value in os.environ.items() if name != "CHAOS_MAIN_PID"}
    env["FAILURE_STATE_FILE"] = str(folder / "failure_state.json")
    env["PYTHONPATH"] = f"{Path(__file__).parents[2]}:{folder}"
    command = [sys.executable, "-m", "uvicorn", "hello:app", "--port", str(port), "--log-level", "critical"]
    server = subprocess.Popen([*command, *options], env=env, start_new_session=True)
    try:
        wait_for(port)
        yield server, port
    finally:
        for process in _family(server.pid):
            process.kill()
        server.wait()


def _family(pid: int) -> list[psutil.Process]:
    try:
        main = psutil.Process(pid)
        return [*main.children(recursive=True), main]
    except psutil.NoSuchProcess:
        return []


def test_config_error_and_exempt_paths_under_uvicorn(path: Path) -> None:
    with uvicorn(path.parent) as (_, port):
        put(path, "config_error")
        time.sleep(0.05)
        status, body = get(port)
        assert status == 500
        assert b"DATABASE_URL" in body
        assert get(port, "/health") == (200, b"hello")
        path.unlink()
        time.sleep(0.05)
        assert get(port) == (200, b"hello")


def test_a_slow_request_does_not_block_others_and_ends_when_cleared(path: Path) -> None:
    with uvicorn(path.parent) as (_, port):
        put(path, "slow", delay=LONG)
        time.sleep(0.05)
        waiting = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        waiting.request("GET", "/")
        started = time.monotonic()
        assert get(port, "/health", timeout=5) == (200, b"hello")
        path.unlink()
        assert waiting.getresponse().status == 200
        assert time.monotonic() - started < LONG / 3
        waiting.close()


def test_a_crash_ends_a_single_process(path: Path) -> None:
    with uvicorn(path.parent) as (server, port):
        put(path, "crash")
        time.sleep(0.05)
        with pytest.raises((OSError, http.client.HTTPException)):
            get(port)
        assert server.wait(10) == CRASH_EXIT_CODE


def test_a_crash_ends_the_main_process_and_all_workers(path: Path) -> None:
    with uvicorn(path.parent, "--workers", "2") as (server, port):
        family = _family(server.pid)
        assert len(family) >= 3
        assert get(port, "/health")[0] == 200
        put(path, "crash")
        time.sleep(0.05)
        with pytest.raises((OSError, http.client.HTTPException)):
            get(port)
        assert server.wait(10) == -signal.SIGKILL
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive
        with pytest.raises(ConnectionRefusedError):
            get(port)


def test_a_restart_heals_and_a_recycled_worker_does_not(path: Path) -> None:
    put(path, "config_error", timestamp=time.time(), heals_on="restart")
    time.sleep(0.05)  # the kernel tells a start to 10 ms
    with uvicorn(path.parent, "--workers", "2") as (server, port):
        assert get(port) == (200, b"hello")
        put(path, "config_error", timestamp=time.time(), heals_on="restart")
        time.sleep(0.05)
        assert get(port)[0] == 500
        workers = [child for child in _family(server.pid) if "spawn_main" in " ".join(child.cmdline())]
        for worker in workers:
            worker.kill()
        psutil.wait_procs(workers, timeout=10)
        wait_for(port)
        assert get(port)[0] == 500
