"""A hundred thousand spoiled state files, and a writer of another user: never an exception, never a hang."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.adapters.state_file import StateFiles
from target_app.failure_state import FAILURES, HEALTHY, FailureStateReader, parse

ROOT = Path(__file__).parents[2]
SPOILED = 100_000
STATE = {
    "mode": "slow", "delay": 15, "timestamp": 1704617280.5, "injected_by": "chaos-engine", "schema": 1,
    "id": "e1-0", "owner": "me", "target": "shop", "expires_at": 1704617340.5, "heals_on": "restart",
}  # fmt: skip
ODD: list[Any] = [
    None,
    True,
    -1,
    1e308,
    1e-320,
    "",
    "NaN",
    [],
    {},
    [[[]]],
    "\u0000",
    2**80,
    "restart",
    "never",
    "env:X",
    2,
]

Spoil = Callable[[bytes, random.Random], bytes]


def flipped(raw: bytes, rng: random.Random) -> bytes:
    bytes_ = bytearray(raw)
    for _ in range(rng.randrange(1, 8)):
        bytes_[rng.randrange(len(bytes_))] = rng.randrange(256)
    return bytes(bytes_)


def cut(raw: bytes, rng: random.Random) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def odd(_: bytes, rng: random.Random) -> bytes:
    """Fields of the wrong type, future schemas, absurd numbers."""
    state = dict(STATE)
    for name in rng.sample(sorted(STATE), rng.randrange(1, 5)):
        state[name] = rng.choice(ODD)
    return json.dumps(state).encode()


def binary(_: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(rng.randrange(200))


def nested(_: bytes, rng: random.Random) -> bytes:
    depth = rng.choice([10, 1000, 30000])
    return rng.choice([b"[" * depth, b'{"mode":' * depth, b"[" * depth + b"]" * depth])


def huge(raw: bytes, rng: random.Random) -> bytes:
    return raw[:-1] + b" " * rng.choice([60_000, 70_000, 1_000_000]) + b"}"


def twice(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at // 2 :]


COMMON: tuple[Spoil, ...] = (flipped, cut, odd, binary, twice)
RARE: tuple[Spoil, ...] = (nested, huge)


def test_whatever_the_file_holds_is_a_state() -> None:
    rng, raw = random.Random(7), json.dumps(STATE).encode()
    seen = set()
    for number in range(SPOILED):
        spoil = rng.choice(RARE if number % 500 == 0 else COMMON)
        state = parse(spoil(raw, rng), 1.0)
        seen.add(state.mode)
        assert state is HEALTHY or (state.mode in FAILURES and 0 <= state.delay <= 3600)
    assert seen >= {"healthy", "slow"}, "some of them are states all the same"


WRITER = """
import os, sys, time
from pathlib import Path
from chaos_engine.adapters.state_file import StateFiles
files, path, ends = StateFiles(), Path(sys.argv[1]), time.time() + float(sys.argv[2])
os.setgid(65534)
os.setuid(65534)  # after the imports: the interpreter may lie where only root reads
n = 0
while time.time() < ends:
    n += 1
    mode = ("slow", "config_error", "healthy")[n % 3]
    state = {"mode": mode, "delay": n % 3 + 1, "timestamp": time.time() + 3600, "schema": 1}
    files.write(path, {**state, "pad": "x" * (n % 900)})
print(n)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a writer of another user")
def test_a_writer_of_another_user_is_read_whole(tmp_path: Path) -> None:
    folder = tmp_path / "chaos"
    folder.mkdir(mode=0o777)
    below_tmp = [each for each in folder.parents if each.is_relative_to(tempfile.gettempdir())][:-1]
    for above in (folder, *below_tmp):
        above.chmod(above.stat().st_mode | 0o055)
    folder.chmod(0o777)
    path = folder / "state.json"
    StateFiles().write(path, {"mode": "healthy", "delay": 0, "timestamp": 0, "schema": 1})
    path.unlink()
    reader = FailureStateReader(path)
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "4"], env=environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    expected = {"slow": 1.0, "config_error": 2.0}
    seen = set()
    ends = time.monotonic() + 30
    while writer.poll() is None and time.monotonic() < ends:
        state = reader.state()
        seen.add(state.mode)
        if state is not HEALTHY:
            assert state.delay == expected[state.mode], "half of one state and half of another"
    assert writer.wait(5) == 0
    assert writer.stdout is not None
    assert int(writer.stdout.read()) > 100
    writer.stdout.close()
    assert seen >= {"slow", "config_error", "healthy"}
