"""An engine as a process whose notices hang, fail or arrive; and its log, for machines."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chaos_engine.journal import Journal
from chaos_engine.model import Fault, Now, Target
from tests.integration.engine_process import Place, running, until
from tests.integration.receivers import Receiver, listening, receiving
from tests.integration.test_janitor import left_in

AT_ONCE = """
schedule: {every: 60s, startup_wait: 0s, recovery: 500ms, seed: 1}
targets: {shop: {state_file: STATE}}
scenarios: {crash: {weight: 1}}
notify:
"""
SECRET = "s3cr3t-token"
ROOM = 3.0  # beyond what is promised, on a busy machine


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.data.mkdir()
    return place


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def occasions(receiver: Receiver) -> list[str]:
    return [request.json["occasion"] for request in list(receiver.requests)]


def test_a_fault_is_cleared_in_time_while_a_webhook_hangs(place: Place, receiver: Receiver) -> None:
    receiver.hangs = True
    place.configure(AT_ONCE + f'  slow: {{webhook: "{receiver.url}/", timeout: 60s}}\n')
    with running(place) as engine:
        engine.says("Marked injection e1-0")
        began = time.monotonic()
        engine.says("Cleared CRASH on shop")
        assert time.monotonic() - began < 0.5 + ROOM
        assert place.mode == "healthy"
        assert len(receiver.requests) == 1, "the others wait in its queue"
        code, took = engine.stop()
        assert (code, took < 2 + ROOM) == (0, True)
        assert "notices were given up at the end" in engine.said


def test_the_end_of_an_engine_is_told(place: Place, receiver: Receiver) -> None:
    place.configure(AT_ONCE.replace("500ms", "60s") + f'  n: {{webhook: "{receiver.url}/"}}\n')
    with running(place) as engine:
        engine.says("Marked injection e1-0")
        assert engine.stop()[0] == 0
    assert occasions(receiver) == ["inject", "cleared", "verdict"]


def test_an_overdue_fault_is_told_once(place: Place, receiver: Receiver) -> None:
    """It cannot be cleared: the plugin with its scenario is gone."""
    place.configure(AT_ONCE + f'  n: {{webhook: "{receiver.url}/", on: [overdue, could_not_clear]}}\n')
    now = time.time()
    fault = Fault(
        "e1-0", "e1", "maintenance", Target("shop"), {}, {}, (), "me", 0, Now(now - 60, 0), Now(now - 5, 0)
    )
    journal = Journal(place.data)
    journal.arm(fault)
    journal.close()
    with running(place) as engine:
        engine.says("OVERDUE: maintenance on shop should have been out by")
        until(lambda: engine.said.count("Could not clear e1-0") >= 4)
        assert engine.said.count("OVERDUE") == 1
        engine.stop()
    assert occasions(receiver) == ["could_not_clear", "overdue"]


def test_what_the_janitor_does_is_told(place: Place, receiver: Receiver) -> None:
    place.configure(AT_ONCE + f'  n: {{webhook: "{receiver.url}/"}}\n')
    left_in(place, overdue=5)
    with running(place, "janitor") as janitor:
        janitor.says("Cleared e1-0 (slowdown on shop)")
        assert janitor.stop()[0] == 0
    assert occasions(receiver) == ["overdue", "cleared"]
    told = receiver.requests[1].json
    assert (told["scenario"], told["target"], told["fault"]) == ("slowdown", "shop", "e1-0")
    assert told["late"] >= 5


def test_experiments_from_files_are_told_too(place: Place, receiver: Receiver) -> None:
    place.configure(AT_ONCE + f'  n: {{webhook: "{receiver.url}/", on: [inject, verdict]}}\n')
    file = place.configure("title: t\nscenario: crash\ntarget: shop\nrecovery: 300ms\n", "one.yml")
    assert place.call("run", str(file)).returncode == 0
    assert occasions(receiver) == ["inject", "verdict"]


def test_other_notices_after_a_reload(place: Place, receiver: Receiver) -> None:
    idle = AT_ONCE.replace("startup_wait: 0s", "startup_wait: 60s")
    place.configure(idle.replace("notify:\n", ""))
    with running(place) as engine:
        engine.says("Next injection at")
        place.configure(idle + f'  n: {{webhook: "{receiver.url}/", on: [halted]}}\n')
        engine.popen.send_signal(signal.SIGHUP)
        engine.says("The configuration was reloaded")
        place.call("halt", "--reason", "enough")
        until(lambda: occasions(receiver) == ["halted"])
        place.configure(idle + '  n: {webhook: "${NOT_THERE}"}\n')
        engine.popen.send_signal(signal.SIGHUP)
        engine.says("The new configuration is refused, the old one stays: notify.n: neither NOT_THERE nor")
    assert receiver.requests[0].json["text"].endswith("(enough)")


# --- secrets --------------------------------------------------------------------------------


def test_no_secret_is_in_what_any_command_says(place: Place) -> None:
    with receiving(403) as receiver:
        place.environment |= {"HOOK": f"{receiver.url}/{SECRET}", "TOKEN": SECRET, "CHAOS_LOG_LEVEL": "info"}
        place.configure(
            AT_ONCE
            + """
  refuses: {webhook: "${HOOK}", headers: {Authorization: "Bearer ${TOKEN}"}}
  nobody: {webhook: "http://127.0.0.1:1/${TOKEN}"}
  people: {apprise: "json://127.0.0.1:1/${TOKEN}"}
"""
        )
        said = [
            place.call(*words) for words in (("validate", "chaos.yml"), ("doctor",), ("plan",), ("status",))
        ]
        with running(place) as engine:
            engine.says("Verdict crash on shop")
            engine.says("Notices to nobody do not arrive")
            engine.says("Notices to refuses do not arrive")
            engine.says("Notices to people do not arrive")
            engine.stop()
        assert receiver.requests[0].headers["Authorization"] == f"Bearer {SECRET}"
    texts = [engine.said, *(one.stdout + one.stderr for one in said)]
    assert all(SECRET not in text for text in texts)
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in place.data.iterdir())


def test_without_a_secret_the_engine_does_not_begin(place: Place) -> None:
    place.configure(AT_ONCE + '  n: {webhook: "http://x/${NOT_THERE}"}\n')
    refused = place.call("run")
    assert refused.returncode == 2
    assert refused.stderr == (
        "chaos-engine: notify.n: neither NOT_THERE nor NOT_THERE_FILE is set in the environment\n"
    )
    assert not place.state_file.exists()


# --- doctor ---------------------------------------------------------------------------------


def findings(place: Place, *options: str) -> dict[str, tuple[str, str]]:
    found = json.loads(place.call("doctor", "--json", *options).stdout)
    return {f["what"]: (f["state"], f["text"]) for f in found if f["what"].startswith("notify ")}


def test_doctor_looks_whether_they_can_be_reached_and_sends_nothing(
    place: Place, receiver: Receiver, tmp_path: Path
) -> None:
    with listening("udp", tmp_path) as udp, listening("tcp", tmp_path) as tcp:
        place.configure(
            AT_ONCE
            + f"""
  hook: {{webhook: "{receiver.url}/{SECRET}"}}
  gone: {{webhook: "http://127.0.0.1:1/"}}
  lacks: {{webhook: "http://127.0.0.1:1/${{NOT_THERE}}"}}
  udp: {{syslog: "{udp.address}"}}
  tcp: {{syslog: "{tcp.address}"}}
  people: {{apprise: "{receiver.url.replace("http", "json")}"}}
"""
        )
        found = findings(place)
        assert [udp.lines, tcp.lines, receiver.requests] == [[], [], []]
    assert {name.removeprefix("notify "): state for name, (state, _) in found.items()} == {
        "hook": "ok", "gone": "bad", "lacks": "bad", "udp": "note", "tcp": "ok", "people": "note",
    }  # fmt: skip
    assert found["notify hook"][1] == f"{receiver.url} can be reached"
    assert found["notify lacks"][1] == "neither NOT_THERE nor NOT_THERE_FILE is set in the environment"


def test_doctor_sends_a_test_notice_if_it_is_told_to(place: Place, receiver: Receiver) -> None:
    with receiving(403) as refusing:
        place.configure(
            AT_ONCE
            + f"""
  good: {{webhook: "{receiver.url}/", on: [halted]}}
  bad: {{webhook: "{refusing.url}/"}}
"""
        )
        found = findings(place, "--send-test-notice")
    assert found["notify good"] == ("ok", "took a test notice")
    assert found["notify bad"] == ("bad", f"{refusing.url} answers HTTP 403")
    assert occasions(receiver) == ["halted"], "of the kind that it is told of"
    assert receiver.requests[0].json["text"].startswith("A test of chaos-engine doctor")


# --- the log, for machines ------------------------------------------------------------------


def test_a_line_is_an_object_with_kind_and_time_and_what_it_is_about(place: Place) -> None:
    place.environment["CHAOS_LOG"] = "json"
    place.configure(AT_ONCE.replace("notify:\n", ""))
    with running(place) as engine:
        engine.says('"kind": "verdict"')
        engine.stop()
    lines: list[dict[str, Any]] = [json.loads(line) for line in engine.said.splitlines()]
    for line in lines:
        assert {"event", "kind", "level", "timestamp"} <= line.keys()
        assert abs(datetime.fromisoformat(line["timestamp"]).timestamp() - time.time()) < 120
    by_kind = {line["kind"]: line for line in lines}
    for kind in ("inject", "injected", "cleared"):
        about = {key: by_kind[kind][key] for key in ("experiment", "fault", "scenario", "target")}
        assert about == {"experiment": "e1", "fault": "e1-0", "scenario": "crash", "target": "shop"}
        assert by_kind[kind]["deadline"] > by_kind["verdict"]["injected_at"]
    assert by_kind["verdict"]["targets"] == ["shop"]
    assert by_kind["cleared"]["late"] == 0.0
