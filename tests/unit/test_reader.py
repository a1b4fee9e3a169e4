"""The failure-state reader: what is healthy, what heals, and that nothing makes it raise."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_app import failure_state
from target_app.failure_state import (
    HEALTHY,
    FailureState,
    FailureStateReader,
    default_path,
    main_process,
    parse,
    process_started,
)

NOISE = 0.5


class Clock:
    """A monotonic and a wall clock that stand still until told."""

    def __init__(self) -> None:
        self.monotonic = 1000.0
        self.unix = time.time()

    def sleep(self, seconds: float) -> None:
        self.monotonic += seconds
        self.unix += seconds


def fault(**fields: Any) -> dict[str, Any]:
    """A fault from well after this process started, so that no restart heals it."""
    return {"mode": "slow", "delay": 15, "timestamp": time.time() + 5, "injected_by": "test", **fields}


def put(path: Path, content: dict[str, Any] | str | bytes) -> None:
    raw = json.dumps(content) if isinstance(content, dict) else content
    fresh = path.with_suffix(".new")
    fresh.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    fresh.replace(path)


def until(condition: Callable[[], bool], seconds: float = NOISE) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
    return condition()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "failure_state.json"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(path: Path, clock: Clock) -> FailureStateReader:
    return make(path, clock)


def make(path: Path, clock: Clock, **options: Any) -> FailureStateReader:
    options.setdefault("main_pid", os.getpid())
    return FailureStateReader(path, clock=lambda: clock.monotonic, wall=lambda: clock.unix, **options)


def test_reads_every_field(path: Path, reader: FailureStateReader) -> None:
    fields = fault(id="f1", owner="o", target="shop", expires_at=time.time() + 60, heals_on="never")
    put(path, {**fields, "schema": 1})
    assert reader.state() == FailureState(**fields)


@pytest.mark.parametrize("mode", ["crash", "slow", "config_error"])
def test_knows_the_failures_in_files_written_by_hand(
    path: Path, reader: FailureStateReader, mode: str
) -> None:
    put(path, fault(mode=mode))
    assert reader.state().mode == mode


def test_a_mode_alone_is_enough(path: Path, reader: FailureStateReader) -> None:
    put(path, '{"mode": "crash"}')
    os.utime(path, (time.time() + 5,) * 2)
    assert reader.state().mode == "crash"


NOT_A_FAILURE: dict[str, str | bytes] = {
    "healthy": '{"mode": "healthy", "delay": 0, "timestamp": 1.0, "cleared_by": "x"}',
    "unknown mode": '{"mode": "explode"}',
    "no mode": "{}",
    "mode of another type": '{"mode": ["slow"]}',
    "empty": "",
    "torn": '{"mode": "crash", "del',
    "binary": bytes(range(256)),
    "not an object": '["crash"]',
    "just a string": '"crash"',
    "null": "null",
    "deeply nested": '{"mode": "crash", "x": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "deeply nested, torn": "[" * 60_000,
    "huge": '{"mode": "crash", "x": "' + "a" * 70_000 + '"}',
    "huge by spaces, whole in its first bytes": '{"mode": "crash"}' + " " * 70_000,
    "delay NaN": '{"mode": "slow", "delay": NaN}',
    "delay infinite": '{"mode": "slow", "delay": Infinity}',
    "delay overflowing": '{"mode": "slow", "delay": 1e999}',
    "delay negative": '{"mode": "slow", "delay": -1}',
    "delay absurd": '{"mode": "slow", "delay": 3601}',
    "delay of absurd digits": '{"mode": "slow", "delay": ' + "9" * 400 + "}",
    "delay of too many digits": '{"mode": "slow", "delay": ' + "9" * 5000 + "}",
    "delay a text": '{"mode": "slow", "delay": "15"}',
    "delay a truth": '{"mode": "slow", "delay": true}',
    "timestamp a text": '{"mode": "crash", "timestamp": "now"}',
    "timestamp NaN": '{"mode": "crash", "timestamp": NaN}',
    "expiry a text": '{"mode": "crash", "expires_at": "soon"}',
    "expiry NaN": '{"mode": "crash", "expires_at": NaN}',
    "expiry infinite": '{"mode": "crash", "expires_at": Infinity}',
    "id a number": '{"mode": "crash", "id": 7}',
    "heals by unknown means": '{"mode": "crash", "heals_on": "prayer"}',
    "heals by no variable": '{"mode": "crash", "heals_on": "env:", "expect": "x"}',
    "heals by an unspeakable variable": '{"mode": "crash", "heals_on": "env:A\\ud800", "expect": "x"}',
    "heals by a variable, value missing": '{"mode": "crash", "heals_on": "env:NAME"}',
    "a later schema": '{"mode": "crash", "schema": 2}',
}


@pytest.mark.parametrize("content", NOT_A_FAILURE.values(), ids=NOT_A_FAILURE.keys())
def test_what_is_no_known_failure_is_healthy(
    path: Path, reader: FailureStateReader, content: str | bytes
) -> None:
    put(path, content)
    os.utime(path, (time.time() + 5,) * 2)
    assert reader.state() is HEALTHY
    assert parse(path.read_bytes(), time.time() + 5) is HEALTHY


def test_null_counts_as_absent(path: Path, reader: FailureStateReader) -> None:
    put(path, fault(schema=1, id=None, expires_at=None, heals_on=None, expect=None))
    assert reader.state().mode == "slow"


def test_no_file_is_healthy(reader: FailureStateReader) -> None:
    assert reader.state() is HEALTHY


def test_a_directory_is_healthy(path: Path, reader: FailureStateReader) -> None:
    path.mkdir()
    assert reader.state() is HEALTHY


def test_a_path_that_cannot_be_is_healthy() -> None:
    assert FailureStateReader("a\0b").state() is HEALTHY


def test_a_named_pipe_is_healthy_and_blocks_nobody(path: Path, reader: FailureStateReader) -> None:
    os.mkfifo(path)
    assert reader.state() is HEALTHY


def test_an_unreadable_file_is_healthy_until_it_can_be_read(
    path: Path, reader: FailureStateReader, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, fault())

    def refuse(path: str) -> Any:
        raise PermissionError(path)

    with monkeypatch.context() as patch:
        patch.setattr(failure_state, "_content", refuse)
        assert reader.state() is HEALTHY
    clock.sleep(0.01)
    assert reader.state().mode == "slow"


@given(
    st.binary(max_size=500) | st.text(max_size=500).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    assert parse(raw) is HEALTHY or b"mode" in raw


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
_names = st.sampled_from(["delay", "timestamp", "schema", "id", "owner", "expires_at", "heals_on", "expect"])
_modes = st.sampled_from(["healthy", "crash", "slow", "config_error"]) | _json


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mode=_modes, fields=st.dictionaries(_names, _json), now=st.floats(0, 2e9))
def test_no_fields_make_it_raise(path: Path, mode: Any, fields: dict[str, Any], now: float) -> None:
    put(path, json.dumps({"mode": mode, **fields}))
    state = FailureStateReader(path, clock=lambda: now, wall=lambda: now, main_pid=os.getpid()).state()
    assert state is HEALTHY or (state.mode in failure_state.FAILURES and 0 <= state.delay <= 3600)


# --- what is seen, and when -----------------------------------------------------------------------------


def test_looks_at_the_file_every_5_ms_only(path: Path, reader: FailureStateReader, clock: Clock) -> None:
    assert reader.state() is HEALTHY
    put(path, fault())
    clock.sleep(0.004)
    assert reader.state() is HEALTHY
    clock.sleep(0.002)
    assert reader.state().mode == "slow"


def test_reads_a_settled_file_only_when_it_changed(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, content = [], failure_state._content

    def counted(path: str) -> Any:
        reads.append(path)
        return content(path)

    monkeypatch.setattr(failure_state, "_content", counted)
    put(path, fault())
    clock.sleep(10)
    reader = make(path, clock)
    for _ in range(10):
        assert reader.state().mode == "slow"
        clock.sleep(0.01)
    assert len(reads) == 1
    put(path, fault(mode="crash"))
    assert reader.state().mode == "crash"


def test_sees_a_rewrite_that_left_size_and_mtime_as_they_were(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on file systems whose clock ticks slowly: the signature cannot tell, so the content must."""
    now = time.time_ns()
    monkeypatch.setattr(failure_state, "_signature", lambda status: (now, now, 0, status.st_size, 0))
    reader = make(path, clock)
    path.write_text(json.dumps(fault(mode="slow_", timestamp=2e9)))
    assert reader.state() is HEALTHY
    path.write_text(json.dumps(fault(mode="crash", timestamp=2e9)))
    clock.sleep(0.01)
    assert reader.state().mode == "crash"


@pytest.mark.parametrize("how", ["renamed over", "written in place"])
def test_sees_each_new_state_soon(path: Path, how: str) -> None:
    reader = FailureStateReader(path, main_pid=os.getpid())
    for turn in range(30):
        mode = ("crash", "slow ", "slow", "healthy")[turn % 4]
        raw = json.dumps(fault(mode=mode))
        if how == "renamed over":
            put(path, raw)
        else:
            path.write_text(raw)
        expected = mode if mode in ("crash", "slow") else "healthy"
        assert until(lambda expected=expected: reader.state().mode == expected), (turn, mode)  # type: ignore[misc]


def test_a_removed_file_is_healthy_again(path: Path, reader: FailureStateReader, clock: Clock) -> None:
    put(path, fault())
    assert reader.state().mode == "slow"
    path.unlink()
    clock.sleep(0.01)
    assert reader.state() is HEALTHY


def test_the_same_file_written_again_is_a_new_fault(path: Path, clock: Clock) -> None:
    """By hand, without a timestamp: the first is older than the app, the second is not."""
    path.write_text('{"mode": "crash"}')
    started = process_started(os.getpid())
    os.utime(path, (started - 5,) * 2)
    reader = make(path, clock)
    assert reader.state() is HEALTHY
    os.utime(path, (started + 5,) * 2)
    clock.sleep(0.01)
    assert reader.state().mode == "crash"


def test_threads_agree(path: Path) -> None:
    reader = FailureStateReader(path, main_pid=os.getpid())
    odd: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            state = reader.state()
            if (state.mode, state.delay) not in (("healthy", 0), ("slow", 1), ("crash", 2)):
                odd.append(repr(state))
            time.sleep(0.0001)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for turn in range(20):
        put(path, fault(mode="slow", delay=1) if turn % 2 else fault(mode="crash", delay=2))
        expected = "slow" if turn % 2 else "crash"
        assert until(lambda expected=expected: reader.state().mode == expected, 2.0)  # type: ignore[misc]
    stop.set()
    for thread in threads:
        thread.join()
    assert not odd


# --- what ends a fault ----------------------------------------------------------------------------------


def test_expires_by_the_wall_clock(path: Path, reader: FailureStateReader, clock: Clock) -> None:
    put(path, fault(timestamp=clock.unix, expires_at=clock.unix + 30, heals_on="never"))
    assert reader.state().mode == "slow"
    clock.unix += 29.9
    clock.monotonic += 1
    assert reader.state().mode == "slow"
    clock.unix += 0.1
    clock.monotonic += 1
    assert reader.state() is HEALTHY


def test_expires_by_the_monotonic_clock_when_the_wall_clock_steps_back(
    path: Path, reader: FailureStateReader, clock: Clock
) -> None:
    put(path, fault(timestamp=clock.unix, expires_at=clock.unix + 30, heals_on="never"))
    assert reader.state().mode == "slow"
    clock.unix -= 3600
    clock.monotonic += 29.9
    assert reader.state().mode == "slow"
    clock.monotonic += 0.2
    assert reader.state() is HEALTHY


def test_a_fault_that_flickers_gets_no_new_life(path: Path, reader: FailureStateReader, clock: Clock) -> None:
    state = fault(timestamp=clock.unix, expires_at=clock.unix + 30, heals_on="never")
    put(path, state)
    assert reader.state().mode == "slow"
    clock.unix -= 3600
    clock.monotonic += 20
    path.unlink()
    assert reader.state() is HEALTHY
    clock.monotonic += 1
    put(path, state)
    assert reader.state().mode == "slow"
    clock.monotonic += 10
    assert reader.state() is HEALTHY


def test_without_expiry_it_lasts(path: Path, reader: FailureStateReader, clock: Clock) -> None:
    put(path, fault(heals_on="never"))
    assert reader.state().mode == "slow"
    clock.sleep(1e6)
    assert reader.state().mode == "slow"


@pytest.mark.parametrize("fields", [{}, {"schema": 1}, {"heals_on": "restart"}])
def test_a_restart_heals(path: Path, clock: Clock, fields: dict[str, Any]) -> None:
    started = process_started(os.getpid())
    put(path, fault(timestamp=started - 1, **fields))
    assert make(path, clock).state() is HEALTHY
    put(path, fault(timestamp=started + 1, **fields))
    assert make(path, clock).state().mode == "slow"


def test_a_restart_does_not_heal_never(path: Path, reader: FailureStateReader) -> None:
    put(path, fault(timestamp=1.0, heals_on="never"))
    assert reader.state().mode == "slow"


def test_a_worker_that_is_younger_than_the_fault_is_not_a_restart(path: Path, clock: Clock) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        started = process_started(worker.pid)
        put(path, fault(timestamp=(started + process_started(os.getpid())) / 2))
        assert make(path, clock, main_pid=os.getpid()).state().mode == "slow"
        assert make(path, clock, main_pid=worker.pid).state() is HEALTHY


def test_a_variable_heals_and_a_restart_does_not(path: Path, clock: Clock) -> None:
    environ = {"OTHER": "right"}
    reader = make(path, clock, environ=environ)
    put(path, fault(timestamp=1.0, heals_on="env:DATABASE_URL", expect="right"))
    assert reader.state().mode == "slow"
    environ["DATABASE_URL"] = "wrong"
    clock.sleep(0.01)
    assert reader.state().mode == "slow"
    environ["DATABASE_URL"] = "right"
    clock.sleep(0.01)
    assert reader.state() is HEALTHY


# --- where, and who -------------------------------------------------------------------------------------


def test_the_path_comes_from_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILURE_STATE_FILE", str(path))
    put(path, fault())
    assert FailureStateReader(main_pid=os.getpid()).state().mode == "slow"
    monkeypatch.setenv("FAILURE_STATE_FILE", "")
    assert default_path() == "/tmp/failure_state.json"


def test_a_process_start_is_known_to_some_10_ms() -> None:
    before = time.time()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        after = time.time()
        assert before - 0.05 <= process_started(process.pid) <= after + 0.05


def test_without_proc_the_import_is_the_start() -> None:
    assert process_started(-1) == pytest.approx(
        time.time() - time.monotonic() + failure_state._imported_at, abs=0.05
    )


def test_the_main_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_MAIN_PID", "4711")
    assert main_process() == 4711


@pytest.mark.parametrize("told", ["", "0", "-1", "x", "99999999999", "\u0661"])
def test_nonsense_does_not_name_a_main_process(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.delenv("CHAOS_MAIN_PID", raising=False)
    found = main_process()
    monkeypatch.setenv("CHAOS_MAIN_PID", told)
    assert main_process() == found


_TELL = "from target_app.failure_state import main_process as m; import os"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # A child that was executed is an app of its own; what was forked or spawned is a worker.
        (f"{_TELL}; print(m() == os.getpid())", "True"),
        (f"{_TELL}; p = os.getpid(); os.fork() or os.fork() or print(m() == p, flush=True); "
         "os.waitpid(-1, 0) if os.getpid() == p else None", "True"),
        (f"{_TELL}; import multiprocessing as mp\nwith mp.get_context('spawn').Pool(1) as pool: "
         "print(pool.apply(m) == os.getpid())", "True"),
    ],
    ids=["executed", "forked", "spawned"],
)  # fmt: skip
def test_workers_know_their_main_process(code: str, expected: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "CHAOS_MAIN_PID"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=60)
    assert done.stdout.split() == [expected], done.stderr


# --- the published schema -------------------------------------------------------------------------------


def test_the_schema_and_the_reader_agree_on_its_examples() -> None:
    import jsonschema

    schema = json.loads((Path(__file__).parents[2] / "docs/failure-state.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for example in schema["examples"]:
        validator.validate(example)
        assert parse(json.dumps(example).encode()).mode == example["mode"]


REFUSED = [
    *(f"delay {what}" for what in ("negative", "absurd", "a text", "a truth")),
    *("timestamp a text", "expiry a text", "id a number", "a later schema"),
    *("no mode", "not an object", "mode of another type"),
    *("heals by unknown means", "heals by no variable", "heals by a variable, value missing"),
]


@pytest.mark.parametrize("name", REFUSED)
def test_the_schema_refuses_what_the_reader_takes_as_healthy(name: str) -> None:
    import jsonschema

    schema = json.loads((Path(__file__).parents[2] / "docs/failure-state.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(NOT_A_FAILURE[name]), schema)
