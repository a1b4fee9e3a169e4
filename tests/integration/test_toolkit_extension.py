"""`chaos run` with the extension `chaosengine`, against a real daemon that hurts a real service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.caller import TOKEN, Caller, answering
from tests.integration.engine_process import ROOT, Place, Process, Service, serving, until
from tests.integration.toolkit_command import Chaos

SETTINGS = """
schedule: {every: 1h, startup_wait: 1h, recovery: 1500ms, min_interval: 0s, seed: 1}
targets: {shop: {state_file: STATE}}
steady_state:
  lookback: 800ms
  probes: [{http: "URL/", every: 100ms, timeout: 2s, expect: {success: ">= 99%"}}]
scenarios:
  slowdown: {delay: 300ms, hypothesis: {probes: [{http: "URL/", every: 100ms, expect: {latency: "< 2s"}}]}}
  config_error: {}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path / "engine")
    place.state_file.parent.mkdir(parents=True)
    return place


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    with serving(place.state_file) as found:
        place.configure(SETTINGS.replace("URL", found.url))
        yield found


@pytest.fixture
def daemon(place: Place, service: Service) -> Iterator[tuple[Process, Caller]]:
    with answering(place) as found:
        until(lambda: found[1].get("/readyz").status == 200)
        yield found


@pytest.fixture
def chaos(tmp_path: Path, daemon: tuple[Process, Caller]) -> Chaos:
    folder = tmp_path / "chaos"
    folder.mkdir()
    return Chaos(folder, {"CHAOS_URL": daemon[1].url, "CHAOS_API_TOKEN": TOKEN, "CHAOS_TARGET": "shop"})


def action(func: str, /, **arguments: Any) -> dict[str, Any]:
    kind = "actions" if func in ("inject", "clear", "pause", "resume", "halt") else "probes"
    return {
        "type": kind[:-1], "name": func,
        "provider": {"type": "python", "module": f"chaosengine.{kind}", "func": func, "arguments": arguments},
    }  # fmt: skip


def experiment(*method: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "t", "description": "d", "method": list(method), **more}


def outcomes(journal: dict[str, Any]) -> list[Any]:
    """What each activity of the method answered; or why it failed."""
    return [
        run["output"] if run["status"] == "succeeded" else run["exception"][-1].strip()
        for run in journal["run"]
    ]


def test_the_example_injects_is_judged_and_leaves_nothing(chaos: Chaos, place: Place) -> None:
    file = chaos.folder / "our-faults.json"
    shutil.copy(ROOT / "examples" / "chaos-toolkit" / "our-faults.json", file)
    assert chaos.call("validate", file).returncode == 0
    code, journal = chaos.run(file)
    assert (code, journal["status"], journal["deviated"]) == (0, "completed", False), journal
    (injected,) = outcomes(journal)
    assert injected["experiment"] == "e1"
    assert injected["injected_at"]
    verdict, nothing = journal["steady_states"]["after"]["probes"]
    assert (verdict["output"], nothing["output"]) == ("supported", True)
    assert [run["status"] for run in journal["rollbacks"]] == ["succeeded"]
    assert place.mode == "healthy"
    row = chaos_history(place)
    assert row["verdict"] == "supported"


def chaos_history(place: Place) -> dict[str, Any]:
    import json

    (row,) = json.loads(place.call("history", "--json").stdout)
    return dict(row)


def test_an_injection_returns_once_the_fault_is_in_and_clear_ends_it(chaos: Chaos, place: Place) -> None:
    code, journal = chaos.run(
        experiment(
            action("inject", scenario="slowdown", target="shop", hold="60s"),
            {"type": "probe", "name": "state", "provider": {
                "type": "process", "path": "cat", "arguments": [str(place.state_file)]}},
            action("nothing_injected"), action("nothing_injected", target="another"),
            action("clear"), action("nothing_injected"),
            action("verdict"),
        )
    )  # fmt: skip
    said = outcomes(journal)
    assert code == 0, said
    assert '"slow"' in said[1]["stdout"]
    assert said[2:4] == [False, True]
    assert said[4]["experiments"] == ["e1"]
    assert said[5:] == [True, "aborted"]
    assert place.mode == "healthy"


def test_a_hypothesis_that_breaks_deviates(chaos: Chaos) -> None:
    hypothesis = {"title": "h", "probes": [{**action("verdict"), "tolerance": "supported"}]}
    code, journal = chaos.run(
        experiment(
            action("inject", scenario="config_error", target="shop"),
            **{"steady-state-hypothesis": hypothesis},
            runtime={"hypothesis": {"strategy": "after-method-only"}},
        )
    )
    assert (code, journal["deviated"]) == (1, True)
    assert journal["steady_states"]["after"]["probes"][0]["output"] == "not_supported"


def test_verdicts_of_others_are_found_by_scenario_target_and_id(chaos: Chaos) -> None:
    _, journal = chaos.run(
        experiment(
            action("verdict"),
            action("inject", scenario="slowdown", target="shop"), action("verdict"),
            action("inject", scenario="config_error", target="shop", now=True), action("verdict"),
            action("verdict", scenario="slowdown", target="shop"), action("verdict", experiment="e1"),
            action("verdict", experiment="e9"), action("verdict", scenario="crash"),
            action("inject", scenario="slowdown", target="shop", hold="30s"), action("verdict", timeout=0.2),
            action("clear"),
        )
    )  # fmt: skip
    said = outcomes(journal)
    assert "has no experiment yet" in said[0]
    assert [said[index] for index in (2, 4, 5, 6)] == ["supported", "not_supported", "supported", "supported"]
    assert "unknown experiment 'e9'" in said[7] or "'e9'" in said[7]
    assert "has no experiment of crash yet" in said[8]
    assert "experiment e3 is not over within 0.2 s; its phase is hold" in said[10]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scenario": "slowdwn", "target": "shop"}, "did you mean 'slowdown'?"),
        ({"scenario": "slowdown", "target": "nobody"}, "unknown target 'nobody'"),
        ({"scenario": "slowdown", "target": "shop", "hold": "soon"}, "for"),
        ({"scenario": "latency", "target": "shop"}, "names no container"),
    ],
)
def test_an_order_that_cannot_be_obeyed_is_a_failed_action(
    chaos: Chaos, arguments: dict[str, Any], words: str
) -> None:
    _, journal = chaos.run(experiment(action("inject", **arguments)))
    assert journal["run"][0]["status"] == "failed"
    assert words in outcomes(journal)[0], outcomes(journal)


def test_a_rule_that_forbids_it_is_told_in_its_own_words(chaos: Chaos, place: Place) -> None:
    order = action("inject", scenario="slowdown", target="shop")
    long = action("inject", scenario="slowdown", target="shop", hold="60s")
    _, journal = chaos.run(
        experiment(action("halt", reason="a release"), order, action("status"), action("resume"), long)
    )
    halted, refused, status, resumed, injected = outcomes(journal)
    assert (halted["halted"], status["halted"], resumed["halted"]) == (True, True, False)
    assert "the engine is halted: a release; lift it with resume" in refused
    assert injected["experiment"] == "e1"
    _, journal = chaos.run(experiment(action("clear"), action("verdict"), action("pause"), order))
    cleared, verdict, paused, again = outcomes(journal)
    assert (cleared["experiments"], verdict) == (["e1"], "aborted")
    assert paused["paused"] is True
    assert again["experiment"] == "e2"  # a pause is of the schedule alone


def test_a_gate_that_does_not_open_is_a_failed_injection(
    chaos: Chaos, service: Service, place: Place
) -> None:
    place.state_file.write_text('{"mode": "config_error", "delay": 0, "timestamp": 1}')
    _, journal = chaos.run(experiment(action("inject", scenario="slowdown", target="shop")))
    assert "experiment e1 did not inject: steady_state_not_met" in outcomes(journal)[0]
    _, journal = chaos.run(experiment(action("inject", scenario="slowdown", target="shop", wait=False)))
    assert journal["run"][0]["status"] == "succeeded"


@pytest.mark.parametrize(("token", "words"), [("wrong", "token"), ("", "token")], ids=["a wrong one", "none"])
def test_a_token_that_is_none_is_a_failed_action(chaos: Chaos, token: str, words: str, place: Place) -> None:
    other = replace(chaos, environment={**chaos.environment, "CHAOS_API_TOKEN": token})
    _, journal = other.run(experiment(action("inject", scenario="slowdown", target="shop"), action("ready")))
    refused, ready = outcomes(journal)
    assert words in refused
    assert ready is True
    assert place.mode == "healthy"
    assert place.call("history", "--json").stdout.strip() in ("", "[]")


def test_the_token_and_the_address_may_be_the_experiments_own(chaos: Chaos, daemon: Any) -> None:
    order = action("inject", scenario="slowdown", target="shop")
    order["provider"]["secrets"] = ["chaos_engine"]
    bare = replace(chaos, environment={})
    _, journal = bare.run(
        experiment(
            order,
            configuration={"chaos_engine_url": daemon[1].url},
            secrets={"chaos_engine": {"token": TOKEN}},
        )
    )
    assert outcomes(journal)[0]["experiment"] == "e1"
    (chaos.folder / "token").write_text(TOKEN + "\n")
    by_file = replace(bare, environment={"CHAOS_API_TOKEN_FILE": str(chaos.folder / "token")})
    _, journal = by_file.run(experiment(action("clear"), configuration={"chaos_engine_url": daemon[1].url}))
    assert journal["run"][0]["status"] == "succeeded"


def test_no_daemon_is_a_failed_activity(tmp_path: Path) -> None:
    nobody = Chaos(tmp_path, {"CHAOS_URL": "http://127.0.0.1:1"})
    order = action("inject", scenario="slowdown", target="shop")
    _, journal = nobody.run(experiment(order, action("clear"), action("verdict"), action("nothing_injected")))
    assert [run["status"] for run in journal["run"]] == ["failed"] * 4
    assert all("no chaos engine answers at http://127.0.0.1:1" in said for said in outcomes(journal))


def test_somebody_else_at_the_address_is_no_daemon(tmp_path: Path) -> None:
    with serving(tmp_path / "state.json") as other:
        _, journal = Chaos(tmp_path, {"CHAOS_URL": other.url}).run(experiment(action("status")))
    assert "answers, but not as a chaos engine does" in outcomes(journal)[0]


def test_a_daemon_that_dies_while_it_is_waited_for_is_a_failed_probe(chaos: Chaos, daemon: Any) -> None:
    _, journal = chaos.run(
        experiment(
            action("inject", scenario="slowdown", target="shop", hold="60s"),
            {"type": "action", "name": "kill", "provider": {
                "type": "process", "path": "kill", "arguments": ["-9", str(daemon[0].popen.pid)]}},
            action("verdict", timeout=30),
        )
    )  # fmt: skip
    assert "no chaos engine answers" in outcomes(journal)[2]


def test_the_system_that_is_discovered_is_the_daemons(chaos: Chaos) -> None:
    found = chaos.discover("chaos-engine")
    assert found["system"]["targets"] == ["shop"]
    assert "slowdown" in found["system"]["scenarios"]
