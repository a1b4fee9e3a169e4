"""The API of a real daemon: what it tells, what it obeys, whom it turns away, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.api.caller import Caller, answering, heard
from tests.integration.engine_process import Place, Process, running, until

IDLE = """
schedule: {every: 1h, startup_wait: 1h, recovery: 300ms, min_interval: 0s}
targets: {shop: {state_file: STATE}}
"""
ROOM = 3.0  # for a busy machine


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.configure(IDLE)
    return place


def ended(caller: Caller, id_: str) -> dict[str, object]:
    def over() -> dict[str, object] | None:
        row: dict[str, object] = caller.get(f"/api/history/{id_}").body
        return row if row["result"] else None

    found: dict[str, object] = until(over)
    return found


# --- what it tells and obeys ---


def test_a_fault_is_injected_followed_and_found_again(place: Place) -> None:
    with answering(place) as (daemon, caller):
        asked = {"scenario": "slowdown", "target": "shop", "for": "400ms", "reason": "a trial", "who": "ann"}
        begun = caller.post("/api/inject", asked)
        assert (begun.status, begun.body) == (200, {"experiment": "e1"})
        row = ended(caller, "e1")
        assert (row["verdict"], row["scenario"]) == ("unjudged", "slowdown")
        assert "plan" in row
        assert "snapshot" not in row
        assert "Operator ann: inject" in daemon.said
        assert "(a trial)" in daemon.said
        again = caller.post("/api/inject", {"scenario": "crash", "target": "shop"}).body["experiment"]
        ended(caller, again)
        rows = caller.get("/api/history").body
        assert ([row["id"] for row in rows["experiments"]], rows["next"]) == (["e2", "e1"], None)
        first = caller.get("/api/history?limit=1").body
        assert ([row["id"] for row in first["experiments"]], first["next"]) == (["e2"], "e2")
        older = caller.get("/api/history?limit=1&before=e2").body
        assert ([row["id"] for row in older["experiments"]], older["next"]) == (["e1"], None)
        assert [r["id"] for r in caller.get("/api/history?scenario=crash").body["experiments"]] == ["e2"]
        assert caller.get("/api/history?verdict=failed").body["experiments"] == []
        assert caller.get(f"/api/history?since={time.time() + 60}").body["experiments"] == []
        assert len(caller.get("/api/history?since=1&target=shop").body["experiments"]) == 2
        status = caller.get("/api/status").body
        assert (status["running"], status["experiments"], status["open_faults"]) == (True, 2, [])
        assert daemon.stop()[0] == 0
    assert sorted(path.name for path in place.data.glob("journal.db*")) == ["journal.db"]  # all let go of it


def test_a_halt_clears_a_fault_within_a_second(place: Place) -> None:
    with answering(place) as (_, caller):
        caller.post("/api/inject", {"scenario": "crash", "target": "shop", "for": 60})
        until(lambda: place.mode == "crash")
        began = time.monotonic()
        halted = caller.post("/api/halt", {"reason": "enough"})
        until(lambda: place.mode == "healthy", what="the clearing")
        assert time.monotonic() - began < 1.0 + ROOM
        assert (halted.status, halted.body["halted"], halted.body["reason"]) == (200, True, "enough")
        assert ended(caller, "e1")["verdict"] == "aborted"
        refused = caller.post("/api/inject", {"scenario": "crash", "target": "shop"})
        assert (refused.status, refused.body["rule"]) == (409, "halt")
        assert "halted" in refused.body["error"]
        assert caller.post("/api/pause").body["halted"] is True  # a pause does not lift a halt
        resumed = caller.post("/api/resume").body
        assert (resumed["paused"], resumed["halted"], resumed["reason"]) == (False, False, "")


def test_clear_tells_what_was_in(place: Place) -> None:
    with answering(place) as (_, caller):
        caller.post("/api/inject", {"scenario": "crash", "target": "shop", "for": "1h"})
        until(lambda: place.mode == "crash")
        assert [fault["id"] for fault in caller.get("/api/status").body["open_faults"]] == ["e1-0"]
        assert caller.post("/api/clear").body == {"experiments": ["e1"], "faults": ["e1-0"]}
        until(lambda: place.mode == "healthy", what="the clearing")


def test_what_is_not_there_is_named(place: Place) -> None:
    with answering(place) as (_, caller):
        unknown = caller.post("/api/inject", {"scenario": "crsh", "target": "shp"})
        assert unknown.status == 404
        assert "did you mean 'crash'?" in unknown.body["error"]
        assert "unknown target 'shp'" in unknown.body["error"]
        unfit = caller.post("/api/inject", {"scenario": "pause", "target": "shop"})
        assert (unfit.status, unfit.body["rule"]) == (409, "target")
        malformed = caller.post("/api/inject", {"scenario": "crash", "target": "shop", "fro": 3})
        assert malformed.status == 422
        assert "body.fro" in malformed.body["error"]
        assert caller.get("/api/history/e9").status == 404
        assert caller.post("/api/approvals/a9").status == 404
        assert caller.get("/api/nothing").body["error"].startswith("there is no '/api/nothing'")
        wrong = caller.ask("DELETE", "/api/settings")
        assert (wrong.status, wrong.headers["allow"]) == (405, "GET, PATCH")


def test_the_plan_follows_the_settings_as_they_are(place: Place) -> None:
    with answering(place) as (daemon, caller):
        before = caller.get("/api/plan?count=3&seed=4").body
        assert (before["seed"], len(before["starts"])) == (4, 3)
        place.configure(IDLE.replace("every: 1h", "every: 60s") + "scenarios: {crash: {weight: 1}}\n")
        daemon.popen.send_signal(signal.SIGHUP)
        daemon.says("The configuration was reloaded")
        after = caller.get("/api/plan?days=1").body["starts"]
        assert {start["scenario"] for start in after} == {"crash"}
        assert len(after) == 1000  # at most


def test_it_is_alive_and_ready_or_says_what_lacks(place: Place) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        probes = 'steady_state: {lookback: 1s, probes: [{prometheus: up, expect: "> 0"}]}'
        place.configure(f'{IDLE}prometheus_url: "{url}"\n{probes}\n')
        with answering(place) as (_, caller):
            assert caller.get("/healthz").body["alive"] is True
            assert caller.get("/metrics").headers["content-type"].startswith("text/plain")
            place.state_file.parent.rmdir()
            ready = caller.get("/readyz")
            assert ready.status == 503
            lacks = ready.body["lacks"]
            assert any("prometheus" in lack and "cannot be reached" in lack for lack in lacks)
            assert any("target shop" in lack and "does not exist" in lack for lack in lacks)
            place.state_file.parent.mkdir()
            assert caller.get("/readyz").body["lacks"] == lacks  # kept, so that asking loads nothing
            until(lambda: len(caller.get("/readyz").body.get("lacks", ())) == 1)


# --- whom it turns away ---


def test_changing_needs_the_token(place: Place) -> None:
    with answering(place) as (_, caller):
        without = replace(caller, token="").post("/api/halt")
        assert (without.status, without.headers["www-authenticate"]) == (401, "Bearer")
        wrong = replace(caller, token="sesam")
        refused = wrong.post("/api/halt")
        assert (refused.status, refused.body["error"]) == (401, "the token is not the engine's")
        assert wrong.ask("PATCH", "/api/settings", {"changes": {"a": 1}}).status == 401
        answers = [wrong.post("/api/halt") for _ in range(60)]
        late = next(answer for answer in answers if answer.status == 429)
        assert int(late.headers["retry-after"]) >= 1
        assert caller.get("/api/status").body["halted"] is False
        assert caller.post("/api/halt").status == 200  # whoever has the token is not kept out by who guesses


def test_without_a_token_changing_is_off_and_says_why(place: Place) -> None:
    with answering(place, token="") as (daemon, caller):
        assert "changing is off without CHAOS_API_TOKEN" in daemon.said
        refused = replace(caller, token="anything").post("/api/halt")
        assert refused.status == 403
        assert "CHAOS_API_TOKEN" in refused.body["error"]
        assert caller.get("/api/status").status == 200


def test_a_token_from_a_file(place: Place) -> None:
    file = place.folder / "token"
    file.write_text("of a file\n".replace(" ", "-"))
    place.environment["CHAOS_API_TOKEN_FILE"] = str(file)
    with answering(place, token="") as (_, caller):
        assert replace(caller, token="of-a-file").post("/api/pause").status == 200


def test_other_names_are_not_answered(place: Place) -> None:
    with answering(place) as (_, caller):
        for host in ("evil.example", "evil.example:8700", "localhost.evil.example"):
            assert caller.get("/api/status", Host=host).status == 421
        for host in ("localhost", f"127.0.0.1:{caller.port}", "[::1]:8700", "LOCALHOST"):
            assert caller.get("/api/status", Host=host).status == 200
        assert caller.get("/api/status", Host="a b").status == 400
        answer = caller.get("/api/status", Origin="http://evil.example")
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_size_and_rate_are_bounded(place: Place) -> None:
    with answering(place) as (_, caller):
        long = json.dumps({"reason": "x" * 20_000})
        assert caller.post("/api/pause", long).status == 413
        chunked = socket.create_connection(("127.0.0.1", caller.port), timeout=20)
        head = f"POST /api/pause HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {caller.token}\r\n"
        chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
        chunked.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 5 + b"0\r\n\r\n")
        assert " 413 " in heard(chunked, "\r\n")
        chunked.close()
        assert caller.get("/api/status").body["paused"] is False
        answers = [caller.get("/healthz") for _ in range(300)]
        refused = [answer for answer in answers if answer.status == 429]
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1
        assert caller.post("/api/pause").status == 200  # who reads too much does not keep a halt out


# --- events ---


def test_the_stream_goes_on_from_the_last_event_seen(place: Place) -> None:
    with answering(place) as (_, caller):
        stream = caller.stream()
        heard(stream, "these are the events")
        caller.post("/api/inject", {"scenario": "crash", "target": "shop", "for": "300ms"})
        said = heard(stream, "event: cleared")
        assert "event: inject\r\n" in said
        assert '"text":"Injecting CRASH into shop' in said
        id_ = next(line for line in said.splitlines() if line.startswith("id: ")).removeprefix("id: ")
        stream.close()
        ended(caller, "e1")
        again = caller.stream(id_)
        rest = heard(again, "event: verdict")
        assert f"id: {id_}\r\n" not in rest
        assert "event: injected" in rest
        assert "event: missed" not in rest
        again.close()
        other = caller.stream("0123abcd-7")  # of a daemon that has ended
        assert heard(other, "event: missed")
        other.close()


@pytest.mark.parametrize("hurt", [False, True])
def test_a_signal_ends_open_streams_in_time(place: Place, *, hurt: bool) -> None:
    with answering(place) as (daemon, caller):
        streams = [caller.stream() for _ in range(20)]
        for stream in streams:
            heard(stream, "these are the events")
        if hurt:
            caller.post("/api/inject", {"scenario": "crash", "target": "shop", "for": "1h"})
            until(lambda: place.mode == "crash")
        code, took = daemon.stop()
        assert (code, place.mode) == (0, "healthy")
        assert took < 2.0 + ROOM
        for stream in streams:
            assert "event: end\r\n" in heard(stream, "event: end\r\n")
            stream.close()
        assert "Traceback" not in daemon.said


# --- where it listens ---


def test_an_address_that_is_in_use_is_told_before_anything_happens(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        place.environment["CHAOS_API_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        refused = place.call("run")
    assert refused.returncode == 2
    assert "is in use by another process; allowed: a free one, or off" in refused.stderr
    assert "Chaos Engine starts" not in refused.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("LISTEN", "nonsense"), ("LISTEN", "127.0.0.1:99999"), ("LISTEN", ":8700"), ("HOSTS", "a b"),
     ("TOKEN", "two words"), ("TOKEN_FILE", "/no/such/file")],
)  # fmt: skip
def test_bad_values_are_refused(place: Place, name: str, value: str) -> None:
    place.environment |= {"CHAOS_API_LISTEN": "127.0.0.1:0", f"CHAOS_API_{name}": value}
    refused = place.call("run")
    assert refused.returncode == 2
    assert f"environment CHAOS_API_{name}: " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not place.data.exists()


def loaded(process: Process) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in process.said.splitlines() if "import time:" in line}


def test_switched_off_nothing_of_it_is_loaded(place: Place) -> None:
    program = ("-X", "importtime", "-m", "chaos_engine")
    with running(place, "run", program=program) as daemon:
        daemon.says("Next injection at")
        assert daemon.stop()[0] == 0
        heavy = {"fastapi", "uvicorn", "starlette", "sse_starlette", "chaos_engine.web.facts"}
        assert not loaded(daemon) & heavy
        assert "scheduler" in loaded(daemon)
