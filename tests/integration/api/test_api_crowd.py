"""Hundreds who follow the events, some slow, some dead: the engine clears on time all the same."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

from tests.integration.api.caller import answering, heard
from tests.integration.engine_process import Place, until

CLIENTS = 200
EXPERIMENTS = 8
HOLD = 0.5
ROOM = 3.0  # seconds beyond the hold, on a busy machine; the deadline is 20 s after it
BUSY = """
schedule: {every: 1s, startup_wait: 5s, recovery: 500ms, min_interval: 0s, seed: 1}
targets: {shop: {state_file: STATE}}
scenarios: {crash: {weight: 1}}
"""


def test_a_crowd_at_the_stream_does_not_hold_the_engine_up(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(BUSY)
    with answering(place) as (daemon, caller):
        streams = [caller.stream() for _ in range(CLIENTS)]
        healthy, slow, dead = streams[:120], streams[120:160], streams[160:]
        for stream in healthy:
            heard(stream, "these are the events")
        for stream in dead:  # they vanish without a word: no FIN, a reset only when something is sent
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            stream.close()
        counts = [0] * len(healthy)

        def follow(index: int) -> None:
            said = ""
            while said.count("event: cleared\r\n") < EXPERIMENTS and (more := healthy[index].recv(65536)):
                said += more.decode()
            counts[index] = said.count("event: cleared\r\n")

        readers = [threading.Thread(target=follow, args=(index,)) for index in range(len(healthy))]
        for reader in readers:
            reader.start()
        until(lambda: daemon.said.count("Cleared CRASH") >= EXPERIMENTS, 60, "the experiments")
        for reader in readers:
            reader.join(20)
        assert min(counts) >= EXPERIMENTS  # everybody who listens hears everything
        assert caller.get("/healthz").body["alive"] is True
        assert len(slow) == 40  # open to the end, and never read
        assert daemon.stop()[0] == 0
        for stream in (*healthy, *slow):
            stream.close()
    rows = json.loads(place.call("history", "--json").stdout)
    held = [
        row["result"]["cleared_at"] - row["result"]["injected_at"]
        for row in rows
        if row["result"]["cleared_at"]
    ]
    assert len(held) >= EXPERIMENTS
    assert max(held) < HOLD + ROOM


def test_connections_that_ask_nothing_take_none_from_the_engine(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.configure(BUSY.replace("startup_wait: 5s", "startup_wait: 60s"))
    with answering(place) as (daemon, caller):
        silent = [socket.create_connection(("127.0.0.1", caller.port), timeout=20) for _ in range(400)]
        until(lambda: sum(_closed(one) for one in silent) >= 80, what="those too many are turned away")
        place.configure(BUSY.replace("startup_wait: 5s", "startup_wait: 0s"))
        assert place.call("inject", "crash", "--target", "shop", "--for", "1s").returncode == 0
        began = time.monotonic()
        until(lambda: all(_closed(one) for one in silent), 40, "those who said nothing are let go")
        assert time.monotonic() - began < 40
        assert caller.get("/healthz").status == 200
        for one in silent:
            one.close()
        assert daemon.stop()[0] == 0


def _closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
