"""What a run of the Chaos Toolkit is taken for: never support where it is not known that the fault was in."""

from __future__ import annotations

from typing import Any

import pytest

from chaos_engine.model import Judgement, Observation, Outcome, Ran, Seen
from chaos_engine.toolkit_runs import Look
from scenarios.toolkit_course import activities, seen
from scenarios.toolkit_record import owes_rollbacks
from tests.unit.toolkit_story import NOW, Story, well


def of(story: Story, *, alive: bool = False, said: str = "") -> Seen:
    return seen(Look(tuple(story.lines), alive, said=said), "e1-0-1")


def outcomes(found: Seen) -> dict[str, Outcome]:
    return {judgement.probe: judgement.outcome for judgement in found.judgements}


def test_a_run_under_way_is_looked_at_again_at_once() -> None:
    found = of(well(), alive=True)
    assert (found.observation, found.soon) == (Observation.BLIND, True)


def test_a_run_of_which_nothing_is_left_is_no_repair() -> None:
    assert seen(Look(), "e1-0-1").observation is Observation.FAILED


def test_a_hypothesis_that_held_is_judged_and_the_hold_ends_where_the_rollbacks_begin() -> None:
    story = well().hypothesis("after", shop="met").rolled_back().ended()
    found = of(story)
    assert (found.observation, outcomes(found)) == (Observation.ENDED, {"shop": Outcome.PASS})
    begun = next(line["at"] for line in story.lines if line["event"] == "rollbacks-started")
    assert found.at == begun
    assert found.began == next(line["at"] for line in story.lines if line["event"] == "method-started")
    assert found.details["chaos_toolkit"] == {"status": "completed", "deviated": False, "exit_code": 0}


def test_a_gate_out_of_tolerance_is_no_completed_run() -> None:
    found = of(Story().hypothesis("before", shop="out").ended())
    assert (found.observation, found.ran) == (Observation.FAILED, Ran.SKIPPED)
    assert found.reason == "probe 'shop' is out of tolerance: out indeed"
    assert found.details["chaos_toolkit"]["exit_code"] == 0


def test_a_gate_whose_probe_fails_is_the_same() -> None:
    found = of(Story().hypothesis("before", shop="failed").ended("failed"))
    assert (found.ran, found.reason) == (Ran.SKIPPED, "probe 'shop' failed: failed indeed")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": "failed", "said": "KeyError: 'az'"}, "action 'stop-az' failed: KeyError: 'az'"),
        ({"exit": 3}, "action 'stop-az' ended with exit code 3"),
        ({"code": 503}, "action 'stop-az' was answered 503"),
    ],
)
def test_an_action_that_did_not_surely_act_is_never_support(how: dict[str, Any], why: str) -> None:
    story = Story().hypothesis("before", shop="met").method().activity("stop-az", **how)
    found = of(story.add("method-ended").hypothesis("after", shop="met").ended())
    assert (found.observation, found.ran) == (Observation.FAILED, Ran.FAILED)
    assert found.reason == f"the fault is not known to be in: {why}"


def test_a_failing_probe_of_the_method_hurts_nothing() -> None:
    story = well().activity("measure", kind="probe", status="failed", exit=1)
    assert of(story.hypothesis("after", shop="met").ended()).observation is Observation.ENDED


def test_an_action_that_was_not_seen_to_end_is_never_support() -> None:
    story = well()
    common = {"section": "method", "kind": "action", "name": "burn", "provider": "python"}
    story.add("activity-started", **common, background=True, dry=False)
    found = of(story.hypothesis("after", shop="met").ended())
    assert found.reason == "the fault is not known to be in: action 'burn' was not seen to end"


def test_nor_one_of_which_only_another_of_its_name_was_seen_to_end() -> None:
    story = Story().hypothesis("before", shop="met").method().activity("burn", index=0)
    common = {"section": "method", "kind": "action", "name": "burn", "provider": "python", "index": 1}
    story.add("activity-started", **common, background=True, dry=False)
    story.add("method-ended")
    found = of(story.hypothesis("after", shop="met").ended())
    assert found.reason == "the fault is not known to be in: action 'burn' was not seen to end"


def test_a_probe_that_could_not_be_asked_afterwards_is_no_deviation() -> None:
    found = of(well().hypothesis("after", shop="failed").ended("failed", deviated=True))
    assert outcomes(found) == {"shop": Outcome.ERROR}


def test_during_the_method_each_deviation_counts_though_there_it_does_not() -> None:
    story = well()
    for what in ("met", "out", "met", "out"):
        story.hypothesis("during", shop=what)
    found = of(story.ended())
    (judged,) = found.judgements
    assert (judged.outcome, judged.evidence.samples) == (Outcome.BROKEN, 4)
    assert judged.reason == "out of tolerance 2 of 4 times: out indeed"


def test_what_a_continuous_hypothesis_repeats_counts_though_it_is_no_line() -> None:
    story = well()
    for iteration, what in ((1, "met"), (5, "out"), (6, "met"), (10, "met")):
        story.hypothesis("during", shop=what)
        story.lines[-1] = {**story.lines[-1], "iteration": iteration}
    (judged,) = of(story.hypothesis("after", shop="met").ended()).judgements
    assert (judged.outcome, judged.evidence.samples) == (Outcome.BROKEN, 11)
    assert judged.reason == "out of tolerance 1 of 11 times: out indeed"


def test_a_hypothesis_that_was_asked_and_not_answered_is_never_support() -> None:
    story = well().hypothesis("during", shop="met").add("hypothesis", when="during", met=None, probes=[])
    assert outcomes(of(story.hypothesis("after", shop="met").ended())) == {
        "shop": Outcome.PASS,
        "hypothesis": Outcome.ERROR,
    }


@pytest.mark.parametrize("dry", ["actions", "activities"])
def test_a_dry_run_proves_nothing(dry: str) -> None:
    found = of(well().hypothesis("after", shop="met").ended(dry=dry))
    assert (found.observation, found.judgements) == (Observation.ENDED, ())
    assert "a dry run" in found.details["note"]


def test_dry_probes_judge_nothing() -> None:
    story = well()
    story.activity("shop", section="after", kind="probe", dry=True)
    assert of(story.hypothesis("after", shop="met").ended(dry="probes")).judgements == ()


def test_a_method_without_actions_proves_nothing_but_may_disprove() -> None:
    idle = Story().hypothesis("before", shop="met").method().add("method-ended")
    assert of(idle.hypothesis("after", shop="met").ended()).judgements == ()
    worse = Story().hypothesis("before", shop="met").method().add("method-ended")
    assert outcomes(of(worse.hypothesis("after", shop="out").ended(deviated=True))) == {
        "shop": Outcome.BROKEN
    }


def test_asked_before_the_method_alone_nothing_is_judged() -> None:
    found = of(well().ended())
    assert (found.judgements, "before the method alone" in found.details["note"]) == ((), True)


def test_somebody_who_interrupts_it_aborts_it() -> None:
    found = of(well().add("interrupted", why="the alarm rings").ended("interrupted"))
    assert (found.ran, found.reason) == (Ran.ABORTED, "it was interrupted: the alarm rings")


def test_a_process_that_died_has_failed_with_its_last_words() -> None:
    found = of(well(), said="Killed")
    assert (found.observation, found.ran) == (Observation.FAILED, Ran.FAILED)
    assert found.reason == "the Chaos Toolkit's process ended before its run did: Killed"


def test_what_it_refuses_is_told_with_its_paths() -> None:
    problems = [{"path": "method[0]", "text": "an activity must have a type"}]
    found = of(Story().add("refused", problems=problems))
    assert found.reason == "the Chaos Toolkit refuses it: method[0]: an activity must have a type"


# --- rollbacks that are owed --------------------------------------------------------------------


def owes(story: Story, *, strict: bool = False, written: str = "default") -> bool:
    return owes_rollbacks(story.record, strict=strict, written=written)


@pytest.mark.parametrize("status", ["completed", "failed", "aborted", "interrupted"])
def test_rollbacks_are_owed_whatever_became_of_a_method_that_began(status: str) -> None:
    assert owes(well().ended(status))
    assert not owes(well().rolled_back().ended(status))


def test_a_method_that_did_not_begin_owes_nothing() -> None:
    assert not owes(Story().hypothesis("before", shop="out").ended())
    assert not owes(Story())


def test_a_process_that_was_killed_owes_them_whatever_the_strategy_but_never() -> None:
    for strategy in ("default", "always", "deviated"):
        assert owes(Story().method(strategy).activity("stop-az"))
    assert not owes(Story().method("never").activity("stop-az"))


def test_rollbacks_that_failed_or_were_cut_are_owed_again() -> None:
    assert owes(well().rolled_back("start-az"))
    assert owes(well().add("rollbacks-started"))
    assert not owes(well().rolled_back("start-az").rolled_back())
    assert owes(well().rolled_back().add("rollbacks-started"))


def test_where_only_a_deviation_is_rolled_back_an_end_without_one_is_not() -> None:
    assert not owes(Story().method("deviated").ended())
    assert owes(Story().method("deviated").ended(deviated=True))


def test_strict_owes_what_was_killed_alone() -> None:
    assert owes(well(), strict=True)
    assert not owes(well().ended("failed"), strict=True)


def test_the_strategy_that_is_written_counts_until_the_run_has_settled_it() -> None:
    begun = Story().add("method-started")
    assert not owes(begun, written="never")
    assert owes(begun)


# --- what is told ---------------------------------------------------------------------------------


def test_each_activity_is_told_once_and_probes_that_hold_on_are_not() -> None:
    story = well()
    story.hypothesis("during", shop="met").hypothesis("during", shop="out").hypothesis("during", shop="out")
    story.hypothesis("after", shop="met").activity("start-az", section="rollbacks", exit=1).ended()
    told = [one.text for one in activities(story.record)]
    assert told == [
        "its hypothesis is met (before the method)",
        "action stop-az begins",
        "action stop-az: succeeded",
        "its hypothesis is not met: probe 'shop' is out of tolerance: out indeed (during the method)",
        "its hypothesis is met (after the method)",
        "rollback start-az begins",
        "rollback start-az: ended with exit code 1",
    ]


def test_what_is_told_only_grows() -> None:
    story = well().hypothesis("after", shop="met").rolled_back().ended()
    whole = [*activities(story.record)]
    for length in range(len(story.lines)):
        cut = Story()
        cut.lines = story.lines[:length]
        assert [*activities(cut.record)] == whole[: len([*activities(cut.record)])]


def test_its_times_are_the_record_s() -> None:
    first, *_ = activities(well().record)
    assert first.at == NOW + 1
    assert isinstance(of(well().hypothesis("after", shop="met").ended()).judgements[0], Judgement)
