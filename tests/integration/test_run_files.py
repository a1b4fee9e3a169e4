"""`run FILE…`: real experiments on a small service, and the exit code of each verdict."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.engine_process import Place, Service, running, serving

FILE = """
title: TITLE
scenario: SCENARIO
with: WITH
target: {name: shop, state_file: STATE}
recovery: 1500ms
steady_state:
  lookback: 800ms
  probes: [{http: "URL/", every: 100ms, timeout: 2s, expect: {success: ">= 99%"}}]
hypothesis: HYPOTHESIS
"""
USABLE = '{probes: [{http: "URL/", every: 100ms, expect: {latency: "< 2s"}}]}'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def service(place: Place) -> Iterator[Service]:
    place.state_file.parent.mkdir()
    with serving(place.state_file) as serving_service:
        yield serving_service


def write(
    place: Place,
    service: Service,
    name: str,
    scenario: str,
    *,
    with_: str = "{}",
    hypothesis: str = "steady_state",
) -> str:
    text = FILE.replace("TITLE", name).replace("SCENARIO", scenario).replace("WITH", with_)
    place.configure(text.replace("HYPOTHESIS", hypothesis).replace("URL", service.url), f"{name}.yml")
    return f"{name}.yml"


def verdicts(place: Place) -> list[str]:
    return [row["verdict"] for row in reversed(json.loads(place.call("history", "--json").stdout))]


def test_supported_is_0_and_the_worst_of_several_counts(place: Place, service: Service) -> None:
    slow = write(place, service, "slow", "slowdown", with_="{delay: 300ms}", hypothesis=USABLE)
    broken = write(place, service, "broken", "config_error")
    good = place.call("run", slow)
    assert good.returncode == 0, good.stderr
    assert "Verdict slowdown on shop: SUPPORTED" in good.stderr
    assert place.mode == "healthy"
    bad = place.call("run", broken, slow)  # the worst of them
    assert bad.returncode == 1, bad.stderr
    assert "Verdict config_error on shop: NOT_SUPPORTED" in bad.stderr
    assert place.mode == "healthy"
    assert verdicts(place) == ["supported", "not_supported", "supported"]


def test_bad_input_is_2_and_nothing_has_happened(place: Place, service: Service) -> None:
    good = write(place, service, "good", "crash")
    bad = write(place, service, "bad", "crsh")
    refused = place.call("run", good, bad)
    assert refused.returncode == 2
    assert "bad.yml:3: scenario: unknown scenario 'crsh'; did you mean 'crash'?" in refused.stderr
    assert not place.data.exists()
    assert not place.state_file.exists()


def test_a_system_that_is_not_steady_is_3(place: Place, service: Service) -> None:
    service.broken = service.sticky = True
    skipped = place.call("run", write(place, service, "unsteady", "crash"))
    assert skipped.returncode == 3, skipped.stderr
    assert verdicts(place) == ["steady_state_not_met"]
    assert not place.state_file.exists()  # nothing was injected


def test_a_fault_that_nobody_felt_is_5(place: Place, service: Service) -> None:
    service.deaf = True
    unfelt = place.call("run", write(place, service, "unfelt", "slowdown", with_="{delay: 1s}"))
    assert unfelt.returncode == 5, unfelt.stderr
    assert verdicts(place) == ["no_effect"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_4_and_ends_all_of_them(place: Place, service: Service, number: signal.Signals) -> None:
    first, second = write(place, service, "one", "crash"), write(place, service, "two", "crash")
    with running(place, "run", first, second) as process:
        process.says("Marked injection")
        assert process.stop(number)[0] == 4
    assert place.mode == "healthy"
    assert verdicts(place) == ["aborted"]


def test_what_an_earlier_run_left_is_cleared_first(place: Place, service: Service) -> None:
    file = write(place, service, "one", "config_error")
    with running(place, "run", file) as process:
        process.says("Marked injection")
        process.popen.kill()
        process.popen.wait()
    assert place.mode == "config_error"
    place.configure(
        "title: t\nscenario: crash\ntarget: {name: shop, state_file: STATE}\nrecovery: 50ms", "t.yml"
    )
    again = place.call("run", "t.yml")
    assert again.returncode == 0, again.stderr
    assert again.stderr.index("Cleared CONFIG_ERROR") < again.stderr.index("Injecting CRASH")
    assert verdicts(place) == ["interrupted", "unjudged"]
