"""The scenario `fis`: what it refuses, what each state of a run means, and that nothing is left running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.cloud import CloudError
from chaos_engine.ledger import codec
from chaos_engine.model import Observation, Seen, Target
from scenarios.aws import NotStartedError, RefusedError
from scenarios.fis_scenarios import Fis
from tests.unit.cloud_twin import NOW, prepared, started
from tests.unit.fis_twin import ALARM, INSTANCE, STOP, WAIT, FisTwin, action, template

FIS = Fis()
DENIED = CloudError("AccessDeniedException", "User: chaos is not authorized to perform it")
THROTTLED = CloudError("ThrottlingException", "Rate exceeded")


@pytest.fixture
def twin() -> FisTwin:
    return FisTwin()


def look(twin: FisTwin, **own: Any) -> Seen:
    """At a run in the state that the twin is put into."""
    return FIS.observe(started(FIS, twin, template="EXT1", **own), twin.world)


# --- what is refused --------------------------------------------------------------------------


def test_a_target_outside_aws_is_refused() -> None:
    assert "aws: true" in str(FIS.refusal(Target("shop")))


@pytest.mark.parametrize(
    "own",
    [{}, {"template": ""}, {"template": "E", "timeout": "0s"}, {"template": "E", "preview": "yes"},
     {"template": "E", "tags": {"a": 1}}],
)  # fmt: skip
def test_bad_parameters_are_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FIS.parameters.model_validate(own)


def test_a_template_that_does_not_exist_is_refused_in_aws_s_words(twin: FisTwin) -> None:
    with pytest.raises(RefusedError, match=r"EXT9: ResourceNotFoundException: .* does not exist"):
        prepared(FIS, twin, template="EXT9")


ENDLESS = {"Stop": action("aws:ec2:stop-instances")}
BOUNDED = [
    {"Stop": STOP},
    {"Wait": WAIT},
    {"Io": action("aws:ebs:pause-volume-io", duration="PT1M")},
    {"Run": action("aws:ssm:start-automation-execution", maxDuration="PT5M")},
    {"Spot": action("aws:ec2:send-spot-instance-interruptions", durationBeforeInterruption="PT2M")},
    {"Kill": action("aws:ec2:terminate-instances"), "Wait": WAIT},
    {"Fail": action("aws:rds:failover-db-cluster")},
]


@pytest.mark.parametrize("actions", BOUNDED, ids=lambda a: next(iter(a)))
def test_what_ends_by_itself_is_started(twin: FisTwin, actions: dict[str, Any]) -> None:
    twin.templates["EXT1"] = template(**actions)
    assert prepared(FIS, twin, template="EXT1").undo["template"] == "EXT1"


@pytest.mark.parametrize(
    "actions", [ENDLESS, {**ENDLESS, "Wait": WAIT}, {"New": action("aws:new:thing")}], ids=str
)
def test_what_nothing_would_end_is_refused_by_name(twin: FisTwin, actions: dict[str, Any]) -> None:
    twin.templates["EXT1"] = template(**actions)
    with pytest.raises(RefusedError, match=r"EXT1 has neither .* nor a stop condition: (Stop|New) \(aws:"):
        prepared(FIS, twin, template="EXT1")


def test_a_stop_condition_or_a_permission_by_name_will_do(twin: FisTwin) -> None:
    twin.templates["EXT1"] = template(ALARM, **ENDLESS)
    assert prepared(FIS, twin, template="EXT1")
    twin.templates["EXT1"] = template(**ENDLESS)
    assert prepared(FIS, twin, template="EXT1", allow_unbounded=True)
    assert prepared(FIS, twin, template="EXT1", preview=True)


# --- before and at the start ------------------------------------------------------------------


def test_preparing_starts_nothing(twin: FisTwin) -> None:
    fault = prepared(FIS, twin, template="EXT1")
    assert not twin.experiments
    assert fault.resources == (f"fis:{twin.templates['EXT1']['arn']}", f"aws:{INSTANCE}")


def test_what_undoes_it_says_how_aws_is_reached_also_from_another_environment(twin: FisTwin) -> None:
    fault = prepared(FIS, twin, template="EXT1")
    kept = codec().validate_json(codec().dump_json(fault))
    assert kept == fault
    assert kept.undo["aws"]["region"] == "eu-central-1"
    FIS.inject(kept, twin.world)
    access = twin.calls[-1][0]
    assert (access.region, access.profile) == ("eu-central-1", "game-day")


def test_a_repeated_start_is_the_same_start(twin: FisTwin) -> None:
    fault = prepared(FIS, twin, template="EXT1")
    assert FIS.inject(fault, twin.world) == FIS.inject(fault, twin.world) == {"run": "EXP1"}


def test_the_same_seed_on_another_day_is_another_start(twin: FisTwin) -> None:
    first = prepared(FIS, twin, template="EXT1", seed=1)
    twin.clock.wait(60.0)
    second = prepared(FIS, twin, template="EXT1", seed=1)
    assert first.undo["token"] != second.undo["token"]


def test_the_tags_name_the_experiment_and_the_user_s_own_stay(twin: FisTwin) -> None:
    started(FIS, twin, template="EXT1", tags={"team": "pets", "chaos-engine:fault": "mine"})
    assert twin.experiments["EXP1"]["tags"] == {
        "Name": "chaos-engine e1",
        "team": "pets",
        "chaos-engine:fault": "0123456789ab/e1-0",
        "chaos-engine:experiment": "e1",
        "chaos-engine:owner": "0123456789ab",
        "chaos-engine:target": "petsite",
    }


def test_a_refused_start_says_aws_s_words(twin: FisTwin) -> None:
    twin.refusals["start_experiment"] = CloudError("ServiceQuotaExceededException", "5 active experiments")
    with pytest.raises(NotStartedError, match=r"^ServiceQuotaExceededException: 5 active experiments$"):
        started(FIS, twin, template="EXT1")


def test_the_safety_lever_s_refusal_is_told_as_such(twin: FisTwin) -> None:
    twin.lever = "engaged"
    twin.refusals["start_experiment"] = CloudError("ConflictException", "no")
    with pytest.raises(NotStartedError, match="safety lever is engaged: a release is going on; Conflict"):
        started(FIS, twin, template="EXT1")


# --- what each state means --------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "initiating", "stopping"])
def test_a_run_that_does_not_act_yet_or_any_more_is_in_unseen(twin: FisTwin, status: str) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.stopping_takes = 60.0
    twin.experiments["EXP1"] |= {"state": {"status": status}, "stops": NOW + 60.0}
    assert FIS.observe(fault, twin.world).observation is Observation.BLIND


@pytest.mark.parametrize(
    ("actions", "states", "seen"),
    [({"Stop": STOP}, "running", Observation.FELT), ({"Stop": STOP}, "completed", Observation.FELT),
     ({"Stop": STOP}, "pending", Observation.BLIND), ({"Wait": WAIT}, "running", Observation.BLIND)],
)  # fmt: skip
def test_felt_is_an_action_that_runs_on_targets(
    twin: FisTwin, actions: dict[str, Any], states: str, seen: Observation
) -> None:
    twin.templates["EXT1"] = template(**actions)
    fault = started(FIS, twin, template="EXT1")
    twin.put("running", actions=states)
    assert FIS.observe(fault, twin.world).observation is seen
    twin.resolved = []
    assert FIS.observe(fault, twin.world).observation is Observation.BLIND


def test_a_completed_run_has_ended_at_its_own_time(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.clock.wait(30.0)
    twin.put("completed")
    twin.clock.wait(12.0)
    seen = FIS.observe(fault, twin.world)
    assert (seen.observation, seen.at, seen.felt) == (Observation.ENDED, NOW + 30.0, True)


@pytest.mark.parametrize("status", ["stopped", "failed", "cancelled"])
def test_any_other_end_is_failed_with_fis_s_reason(twin: FisTwin, status: str) -> None:
    fault = started(FIS, twin, template="EXT1")
    error = {"code": "ConfigurationFailure", "location": "Stop", "accountId": "123456789012"}
    twin.put(status, "Experiment halted by stop condition", error=error)
    seen = FIS.observe(fault, twin.world)
    assert seen.observation is Observation.FAILED
    assert seen.reason.startswith(f"FIS experiment EXP1 {status}: Experiment halted by stop condition")
    assert "ConfigurationFailure Stop" in seen.reason


@pytest.mark.parametrize("status", ["stopped", "cancelled"])
def test_the_safety_lever_is_named_where_it_ended_the_run(twin: FisTwin, status: str) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.put(status, "Experiment ended")
    assert "lever" not in FIS.observe(fault, twin.world).reason
    twin.lever = "engaged"
    assert "the account's safety lever is engaged" in FIS.observe(fault, twin.world).reason
    twin.refusals["get_safety_lever"] = DENIED
    assert FIS.observe(fault, twin.world).reason.endswith("Experiment ended")


@pytest.mark.parametrize(("resolved", "states"), [([], "completed"), (None, "skipped")])
def test_a_run_that_targeted_nothing_has_failed(twin: FisTwin, resolved: Any, states: str) -> None:
    twin.resolved = twin.resolved if resolved is None else resolved
    fault = started(FIS, twin, template="EXT1")
    twin.put("completed", actions=states)
    seen = FIS.observe(fault, twin.world)
    assert seen.observation is Observation.FAILED
    assert "nothing was targeted" in seen.reason


def test_one_of_two_actions_skipped_is_still_a_run(twin: FisTwin) -> None:
    twin.templates["EXT1"] = template(Stop=STOP, Also=STOP)
    fault = started(FIS, twin, template="EXT1")
    twin.put("completed")
    twin.experiments["EXP1"]["actions"]["Also"]["state"] = {"status": "skipped", "reason": "no targets"}
    seen = FIS.observe(fault, twin.world)
    assert seen.observation is Observation.ENDED
    assert seen.details["actions"]["Also"]["status"] == "skipped"


def test_targets_that_we_may_not_list_are_unknown_not_none(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.put("completed")
    twin.refusals["list_experiment_resolved_targets"] = DENIED
    seen = FIS.observe(fault, twin.world)
    assert (seen.observation, seen.felt) == (Observation.ENDED, False)
    assert "targets" not in seen.details


def test_account_template_targets_and_actions_are_in_the_details(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.put("running", "Experiment is running")
    details = FIS.observe(fault, twin.world).details
    assert json.loads(json.dumps(details)) == {
        "run": "EXP1",
        "template": "EXT1",
        "account": "123456789012",
        "status": "running",
        "reason": "Experiment is running",
        "preview": False,
        "actions": {"Stop": {"action": "aws:ec2:stop-instances", "status": "running", "reason": ""}},
        "targets": [{"target": "some", "type": "aws:ec2:instance", "arn": INSTANCE}],
        "targeted": 1,
    }


def test_a_preview_skips_every_action_and_says_that_it_proves_nothing(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1", preview=True)
    assert twin.experiments["EXP1"]["experimentOptions"]["actionsMode"] == "skip-all"
    twin.put("running", actions="skipped")
    assert FIS.observe(fault, twin.world).observation is Observation.BLIND
    twin.put("completed", actions="skipped")
    seen = FIS.observe(fault, twin.world)
    assert (seen.observation, seen.felt, seen.details["targeted"]) == (Observation.ENDED, False, 1)
    assert "proves nothing" in seen.details["note"]
    twin.resolved = []
    assert FIS.observe(fault, twin.world).observation is Observation.FAILED


def test_a_run_that_aws_does_not_know_yet_is_not_lost(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    del twin.experiments["EXP1"]
    assert FIS.observe(fault, twin.world).observation is Observation.BLIND
    twin.clock.wait(60.0)
    assert FIS.observe(fault, twin.world).observation is Observation.FAILED


def test_what_may_not_be_followed_has_failed_and_what_is_busy_is_asked_again(twin: FisTwin) -> None:
    fault = started(FIS, twin, template="EXT1")
    twin.refusals["get_experiment"] = DENIED
    seen = FIS.observe(fault, twin.world)
    assert seen.observation is Observation.FAILED
    assert "not authorized" in seen.reason
    twin.refusals["get_experiment"] = THROTTLED
    with pytest.raises(CloudError, match="Rate exceeded"):
        FIS.observe(fault, twin.world)
