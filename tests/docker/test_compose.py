"""The real Compose stack: images, confinement, faults as a customer feels them, and ends of the engine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from statistics import median
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from chaos_engine.janitor import LEASE
from tests.docker.stack import Answer, Stack, until

# Building may have to fetch packages first.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

INTERVAL = 10.0  # also the shortest time between two injections
HOLD = 14.0
FIRST_VERDICT = 90.0  # seconds that docker-compose.yml promises
TO_STOP = 2.0
ROOM = 2.0  # for a busy machine, and for what Compose itself takes


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    settings = {"INTERVAL": f"{INTERVAL:g}", "STARTUP_WAIT": "5", "RECOVERY": f"{HOLD:g}", "LOG": "json"}
    with Stack(**{f"CHAOS_{name}": value for name, value in settings.items()}) as running:
        yield running


@pytest.fixture(autouse=True)
def _tell_what_the_engine_said(stack: Stack, request: pytest.FixtureRequest) -> Iterator[None]:
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(stack.compose("logs", "--no-color", "--tail=80", "engine"))


def mode(stack: Stack) -> str:
    return str(stack.state()["mode"])


def is_well(stack: Stack) -> bool:
    answer = stack.get("/products", timeout=1.0)
    return answer.status == 200 and answer.seconds < 0.5


def health(stack: Stack) -> str:
    return str(stack.inspect("engine")["State"]["Health"]["Status"])


def rested(stack: Stack) -> None:
    """Wait until the engine may inject again, and the shop is well."""
    last = stack.log("injected")[-1]["timestamp"]
    until(lambda: time.time() > moment(last) + INTERVAL, "the shortest interval is over")
    until(lambda: is_well(stack), "the shop is well")


def moment(timestamp: str) -> float:
    """Unix seconds."""
    return datetime.fromisoformat(timestamp).timestamp()


def hurt(stack: Stack, process: Any, expected: str) -> None:
    """Wait until the fault is in."""

    def is_in() -> bool:
        assert process.poll() is None, process.communicate()
        return mode(stack) == expected

    until(is_in, f"{expected} is in")


# --- it runs, on its own ---


def test_the_first_verdict_comes_in_time_and_the_schedule_can_be_paused(stack: Stack) -> None:
    until(lambda: stack.log("injected"), "an injection")
    assert stack.cli("pause", "--reason", "tests").strip() == "paused"
    verdict = until(lambda: stack.log("verdict"), "a verdict")[0]
    assert moment(verdict["timestamp"]) - stack.up_since < FIRST_VERDICT
    assert verdict["verdict"] in {"supported", "not_supported"}
    assert verdict["witness"] == "felt"
    until(lambda: stack.log("next")[-1]["event"] == "No next injection: paused", "the schedule is paused")


def test_the_engine_is_healthy_and_says_so(stack: Stack) -> None:
    until(lambda: health(stack) == "healthy", "the engine is healthy")
    status = json.loads(stack.cli("status", "--json"))
    assert (status["running"], status["paused"], status["reason"]) == (True, True, "tests")
    assert status["heartbeat_age"] < 10
    assert set(status["weights"]) == {"crash", "slowdown", "brownout", "config_error"}


# --- it can do little harm ---


@pytest.mark.parametrize(
    ("service", "user"), [("engine", 10001), ("janitor", 10001), ("target-app", 10002), ("traffic", 10002)]
)
def test_our_containers_are_confined(stack: Stack, service: str, user: int) -> None:
    host = stack.inspect(service)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    # What is asked for is one thing, what the kernel gives another.
    told = stack.compose(
        "exec", "-T", service, "sh", "-c",
        "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/1/status; touch /usr/x /opt/x 2>&1 || echo refused",
    ).split()  # fmt: skip
    assert told[:5] == [str(user), "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    assert told[-1] == "refused"
    assert "Read-only" in told


def test_nobody_has_the_docker_socket_and_nothing_is_published_to_the_network(stack: Stack) -> None:
    for service in ("engine", "target-app", "traffic", "postgres", "prometheus"):
        found = stack.inspect(service)
        assert not [mount for mount in found["Mounts"] if "docker.sock" in mount["Source"]]
        bound = [b for bindings in (found["HostConfig"]["PortBindings"] or {}).values() for b in bindings]
        assert {b["HostIp"] for b in bound} <= {"127.0.0.1"}


def test_the_api_answers_this_machine_and_the_stack_and_changes_nothing(stack: Stack) -> None:
    url = f"http://127.0.0.1:{stack.ports['API_PORT']}"
    until(lambda: requested("GET", f"{url}/readyz")[0] == 200, "the engine is ready")
    assert json.loads(requested("GET", f"{url}/api/status")[1])["running"] is True
    status, text = requested("POST", f"{url}/api/halt")
    assert (status, "CHAOS_API_TOKEN" in text) == (403, True)  # nobody gave it one
    scraped = stack.compose("exec", "-T", "prometheus", "wget", "-q", "-O", "-", "http://engine:8700/metrics")
    assert "chaos_" in scraped


def requested(method: str, url: str) -> tuple[int, str]:
    """Status and text of the answer; 0: none."""
    try:
        with urlopen(Request(url, method=method), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_the_shop_can_read_the_state_and_not_write_it(stack: Stack) -> None:
    told = stack.compose("exec", "-T", "target-app", "sh", "-c", "touch /chaos/x 2>&1 || echo refused")
    assert "refused" in told


def test_the_engine_has_128_mb_and_a_tenth_of_a_core(stack: Stack) -> None:
    host = stack.inspect("engine")["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (128 * 1024**2, 100_000_000)
    assert stack.memory("engine") < 84


# --- each fault: injected, felt, judged with evidence, cleared, over ---


def felt_crash(answers: list[Answer], before: Any, after: Any) -> None:
    assert [a for a in answers if a.status is None], "no connection broke"
    assert after["RestartCount"] > before["RestartCount"]
    assert after["State"]["StartedAt"] > before["State"]["StartedAt"]
    # It came back by itself, before the fault was cleared.
    assert answers[-1].status == 200
    assert after["RestartCount"] == before["RestartCount"] + 1, "one injection, one crash"


def felt_slowdown(answers: list[Answer], before: Any, after: Any) -> None:
    slow = [a.seconds for a in answers if a.seconds > 1]
    assert median(slow) >= 2  # as configured: 2-4s
    assert {a.status for a in answers} == {200}
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]


def felt_config_error(answers: list[Answer], before: Any, after: Any) -> None:
    broken = [a for a in answers if a.status == 500]
    assert broken
    assert all("DATABASE_URL" in a.body for a in broken)
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]


FAULTS = [
    ("crash", "crash", felt_crash, "supported", 'avg_over_time(up{job="target-app"}[8s])'),
    ("slowdown", "slow", felt_slowdown, "not_supported", "http_request_duration_seconds_bucket"),
    ("config_error", "config_error", felt_config_error, "not_supported", "http_requests_total"),
]


@pytest.mark.parametrize(
    ("name", "state", "was_felt", "verdict", "query"), FAULTS, ids=[f[0] for f in FAULTS]
)
def test_a_fault_is_felt_judged_and_cleared(
    stack: Stack,
    name: str,
    state: str,
    was_felt: Callable[[list[Answer], Any, Any], None],
    verdict: str,
    query: str,
) -> None:
    rested(stack)
    before = stack.inspect("target-app")
    inject = ("inject", name, "--target", "target-app", "--for", f"{HOLD:g}s", "--json")
    with stack.customer() as answers, stack.started_cli(*inject) as process:
        hurt(stack, process, state)
        until(lambda: mode(stack) == "healthy", "the fault is cleared", HOLD + 20 + ROOM)
        said, complaint = process.communicate(timeout=60)
        # The last answer may be one that began in the fault.
        until(lambda: answers[-1].at > time.time() - 0.5, "a fresh answer", pause=0.05)

    assert process.returncode == (0 if verdict == "supported" else 1), said + complaint
    was_felt(answers, before, stack.inspect("target-app"))
    assert is_well(stack)
    found = json.loads(said)
    result = found["result"]
    assert found["verdict"] == verdict, result["reason"]
    assert (result["witness"], result["recovery"], result["cleanup"]) == ("felt", "recovered", "clean")
    judged = next(j for j in result["judgements"] if query in j["evidence"]["query"])
    assert judged["outcome"] == ("pass" if verdict == "supported" else "broken"), judged
    assert judged["evidence"]["samples"] > 0


def test_the_history_has_them_all(stack: Stack) -> None:
    rows = json.loads(stack.cli("history", "--json", "--limit", "50"))
    assert {row["scenario"] for row in rows} >= {"crash", "slowdown", "config_error"}
    assert all(row["verdict"] in {"supported", "not_supported"} for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)


# --- the engine ends in the middle of a fault ---

LONG = ("inject", "slowdown", "--target", "target-app", "--for", "2m", "--now")
SHORT = ("inject", "slowdown", "--target", "target-app", "--for", f"{HOLD:g}s", "--now")


def test_stopped_in_the_middle_of_a_fault_it_clears_and_leaves_in_time(stack: Stack) -> None:
    rested(stack)
    with stack.started_cli(*LONG) as process:
        hurt(stack, process, "slow")
        asked = time.time()
        stack.compose("stop", "engine")
        assert mode(stack) == "healthy"
    ended = stack.inspect("engine")["State"]
    assert ended["ExitCode"] == 0
    assert moment(ended["FinishedAt"]) - asked < TO_STOP + ROOM
    until(lambda: is_well(stack), "the shop is well")


def test_killed_in_the_middle_of_a_fault_it_clears_first_when_it_is_back(stack: Stack) -> None:
    stack.compose("start", "engine")
    until(lambda: health(stack) == "healthy", "the engine is healthy")
    rested(stack)
    with stack.started_cli(*LONG) as process:
        hurt(stack, process, "slow")
        stack.compose("kill", "--signal", "KILL", "engine")
        assert mode(stack) == "slow"
        assert not is_well(stack)
    killed = stack.inspect("engine")["State"]
    assert (killed["ExitCode"], killed["OOMKilled"]) == (137, False)
    fault = stack.state()["id"]

    stack.compose("start", "engine")
    until(lambda: mode(stack) == "healthy", "the new engine has cleared", 30)
    until(lambda: is_well(stack), "the shop is well")
    assert [entry["fault"] for entry in stack.log("reconcile")] == [fault]
    assert stack.log("cleared")[-1]["fault"] == fault
    assert time.time() < stack.log("injected")[-1]["deadline"], "it was cleared, it did not just expire"
    last = json.loads(stack.cli("history", "--json", "--limit", "1"))[0]
    assert last["verdict"] == "interrupted"


def test_killed_and_left_dead_the_janitor_clears_it(stack: Stack) -> None:
    until(lambda: health(stack) == "healthy", "the engine is healthy")
    rested(stack)
    with stack.started_cli(*SHORT) as process:
        hurt(stack, process, "slow")
        stack.compose("kill", "--signal", "KILL", "engine")
    deadline = stack.log("injected")[-1]["deadline"]
    until(lambda: mode(stack) == "healthy", "the janitor has cleared", deadline - time.time() + LEASE + ROOM)
    assert time.time() > deadline, "until then it is the engine's"
    stack.compose("start", "engine")
    until(lambda: health(stack) == "healthy", "the engine is healthy")
    assert json.loads(stack.cli("status", "--json"))["open_faults"] == []
