"""A ramp climbs by one step after so many supported runs in a row, and falls by one after any other."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos_engine.config import Settings, load_settings
from chaos_engine.model import Judged, Ramp, Ran, Recovered, Result, Witness
from chaos_engine.ramps import Level, at_step, climbed, level_of, line, shows, told
from chaos_engine.written import ConfigError

RAMP = Ramp("delay", ("1s", "2s", "5s"), 2)
OUTCOMES = st.lists(st.sampled_from((True, True, False, None)), max_size=60)
FILE = """
targets: {shop: {state_file: /chaos/s.json}, web: {compose_service: web}}
scenarios:
  slowdown: {targets: [shop], ramp: {parameter: delay, steps: [1s, 2s, 5s], after: 2}}
  kill: {targets: [web], ramp: {parameter: replicas, steps: [1, 50%]}}
"""


def levels(ramp: Ramp, outcomes: list[bool | None]) -> list[Level]:
    found = [Level()]
    for supported in outcomes:
        found.append(climbed(found[-1], ramp, supported))
    return found


def test_a_story() -> None:
    outcomes = [True, True, True, None, True, True, True, True, False, True, True, False, False, False]
    assert [level.step for level in levels(RAMP, outcomes)] == [0, 0, 1, 1, 1, 2, 2, 2, 2, 1, 1, 2, 1, 0, 0]


@given(OUTCOMES, st.integers(1, 5), st.integers(2, 6))
def test_no_step_without_its_runs(outcomes: list[bool | None], after: int, steps: int) -> None:
    ramp = Ramp("delay", tuple(range(steps)), after)
    found = levels(ramp, outcomes)
    supported = 0  # in a row, since the last change
    for (before, level), outcome in zip(pairwise(found), outcomes, strict=True):
        assert 0 <= level.step < steps
        assert abs(level.step - before.step) <= 1
        supported = 0 if outcome is False else supported + bool(outcome)
        if level.step > before.step:
            assert supported >= after
            supported = 0
        if outcome is False:
            assert level == Level(max(0, before.step - 1))
        if outcome is None:
            assert level == before


@given(st.integers(0, 50), st.integers(0, 50), st.sampled_from((True, False, None)))
def test_a_level_of_other_settings_is_brought_within_the_steps(step: int, streak: int, outcome: bool) -> None:
    assert 0 <= climbed(Level(step, streak), RAMP, outcome).step < 3


def result(**changes: object) -> Result:
    fine = {"hypothesis": Judged.SUPPORTED, "recovery": Recovered.RECOVERED, "witness": Witness.FELT}
    return Result(Ran.COMPLETED, **{**fine, "injected_at": 1.0, "ended_by": "time", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"hypothesis": Judged.NOT_SUPPORTED}, False),
        ({"hypothesis": Judged.INCONCLUSIVE}, False),
        ({"recovery": Recovered.NOT_RECOVERED}, False),
        ({"witness": Witness.NOT_FELT}, False),
        ({"hypothesis": Judged.UNJUDGED}, None),
        ({"injected_at": None, "hypothesis": Judged.INCONCLUSIVE}, None),
        ({"ended_by": "operator", "hypothesis": Judged.INCONCLUSIVE}, None),
        ({"ended_by": "abort", "hypothesis": Judged.INCONCLUSIVE}, False),
    ],
)
def test_what_a_run_shows(changes: dict[str, object], expected: bool | None) -> None:
    assert shows(result(**changes)) is expected


def load(folder: Path, text: str) -> Settings:
    file = folder / "chaos.yml"
    file.write_text(text)
    return load_settings(file, {})


def test_the_value_of_the_step_is_what_is_used(tmp_path: Path) -> None:
    settings = load(tmp_path, FILE)
    slow, kill = settings.experiments["slowdown", "shop"], settings.experiments["kill", "web"]
    assert slow.steps[0].parameters["delay"] == "1s"
    assert [at_step(slow, n).steps[0].parameters["delay"] for n in (0, 2, 9)] == ["1s", "5s", "5s"]
    hurt = at_step(kill, 1).steps[0].target.containers
    assert hurt is not None
    assert hurt.replicas.share == 0.5
    shown = told(settings.experiments, {"slowdown on shop": {"step": 1, "streak": 1}})
    assert line("slowdown on shop", shown["slowdown on shop"]) == (
        "slowdown on shop: delay 2s (step 2 of 3), 1 of 2 supported runs"
    )
    assert shown["kill on web"]["value"] == 1
    assert level_of(None, "x") == Level()


@pytest.mark.parametrize(
    ("ramp", "words"),
    [
        ("{parameter: dely, steps: [1s, 2s]}", "'dely' is no parameter; did you mean 'delay'?"),
        ("{parameter: delay, steps: [1s]}", "ramp.steps"),
        ("{parameter: delay, steps: [1s, soon]}", "ramp.steps.1: 'soon' is not a duration"),
        ("{parameter: delay, steps: [1s, 2s], after: 0}", "ramp.after: 0 does not do; allowed: at least 1"),
        ("{parameter: replicas, steps: [1, 2]}", "shop has no containers"),
        ("{parameter: delay}", "ramp.steps: is missing"),
    ],
)
def test_each_step_is_checked_as_if_it_were_written(tmp_path: Path, ramp: str, words: str) -> None:
    text = f"targets: {{shop: {{state_file: /chaos/s.json}}}}\nscenarios: {{slowdown: {{ramp: {ramp}}}}}\n"
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert words in str(error.value)
