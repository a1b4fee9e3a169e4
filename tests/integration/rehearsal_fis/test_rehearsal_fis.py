"""FIS of the rehearsal: what it does to instances, in which order, and how it ends."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.engine_process import until
from tests.integration.rehearsal_fis.rehearsal_server import Aws, hurt, refused, wait


def test_half_of_the_instances_are_terminated_then_time_passes(aws: Aws) -> None:
    some, other = aws.instances(5), aws.instances(1)
    aws.ec2.stop_instances(InstanceIds=other)  # the filter leaves it out
    run = aws.run({"kill": hurt("terminate"), "wait": wait("PT1S", "kill")}, "PERCENT(50)")
    ended = aws.at(run, "completed")
    assert aws.states(some) == ["running"] * 3 + ["terminated"] * 2
    assert aws.states(other) == ["stopped"]
    kill, watch = ended["actions"]["kill"], ended["actions"]["wait"]
    assert kill["endTime"] <= watch["startTime"]
    assert (watch["endTime"] - watch["startTime"]).total_seconds() >= 1
    assert ended["creationTime"] <= kill["startTime"]
    assert watch["endTime"] <= ended["endTime"]
    assert len(aws.found(run)) == 2
    assert aws.states(aws.found(run)) == ["terminated"] * 2


def test_stopped_instances_start_again_after_their_time(aws: Aws) -> None:
    some = aws.instances(2)
    run = aws.run(
        {"stop": hurt("stop", startInstancesAfterDuration="PT2S"), "beside": wait("PT1S")}
    )  # fmt: skip
    aws.at(run, "running", "stop")
    assert aws.states(some) == ["stopped"] * 2
    assert aws.at(run, "completed", "beside")["actions"]["stop"]["state"]["status"] == "running"
    ended = aws.at(run, "completed")
    assert aws.states(some) == ["running"] * 2
    stop, beside = ended["actions"]["stop"], ended["actions"]["beside"]
    assert (stop["endTime"] - stop["startTime"]).total_seconds() >= 2
    assert beside["startTime"] < stop["endTime"]
    assert stop["startTime"] < beside["endTime"]


def test_without_a_time_they_stay_stopped(aws: Aws) -> None:
    some = aws.instances(1)
    aws.at(aws.run({"stop": hurt("stop")}), "completed")
    assert aws.states(some) == ["stopped"]


def test_an_experiment_that_is_stopped_undoes_what_it_did(aws: Aws) -> None:
    some = aws.instances(2)
    run = aws.run({"stop": hurt("stop", startInstancesAfterDuration="PT1H"), "later": wait("PT1H", "stop")})
    aws.at(run, "running", "stop")
    asked = aws.fis.stop_experiment(id=run)["experiment"]
    assert asked["state"]["status"] == "stopping"
    ended = aws.at(run, "stopped")
    assert aws.states(some) == ["running"] * 2
    assert aws.statuses(run) == {"stop": "stopped", "later": "cancelled"}
    assert "endTime" in ended
    assert "startTime" not in ended["actions"]["later"]
    again = aws.fis.stop_experiment(id=run)["experiment"]
    assert again["state"] == ended["state"]


def test_reboot_and_what_ec2_would_refuse(aws: Aws) -> None:
    some = aws.instances(1)
    aws.at(aws.run({"reboot": hurt("reboot")}), "completed")
    aws.ec2.stop_instances(InstanceIds=some)
    run = aws.run(
        {
            "reboot": hurt("reboot", "first"),
            "beside": wait("PT1H"),
            "later": wait("PT1S", "reboot"),
            "first": wait("PT1S"),
        },
        targets={"some": {key: value for key, value in aws.target().items() if key != "filters"}},
    )
    ended = aws.at(run, "failed")
    assert "IncorrectInstanceState" in ended["state"]["reason"]
    assert ended["state"]["error"]["location"] == "reboot"
    assert aws.statuses(run) == {
        "first": "completed",
        "reboot": "failed",
        "beside": "stopped",
        "later": "cancelled",
    }
    assert some[0] in ended["actions"]["reboot"]["state"]["reason"]


def test_instances_that_vanish_while_they_are_stopped(aws: Aws) -> None:
    some = aws.instances(3)
    stop = {"startInstancesAfterDuration": "PT2S"}
    strict = aws.run({"stop": hurt("stop", **stop)}, "COUNT(2)")
    aws.at(strict, "running", "stop")
    lenient = aws.run({"stop": hurt("stop", completeIfInstancesTerminated="true", **stop)})
    aws.at(lenient, "running", "stop")
    kept, *gone = aws.found(strict) + aws.found(lenient)
    assert sorted([kept, *gone]) == sorted(some)
    aws.ec2.terminate_instances(InstanceIds=gone)
    assert "is terminated" in aws.at(strict, "failed")["state"]["reason"]
    aws.at(lenient, "completed")
    assert aws.states([kept]) == ["running"]
    assert aws.states(gone) == ["terminated"] * 2


def test_an_arn_that_is_not_there_fails_its_action(aws: Aws) -> None:
    arn = f"arn:aws:ec2:{aws.region}:123456789012:instance/i-0123456789abcdef0"
    target = {"resourceType": "aws:ec2:instance", "resourceArns": [arn], "selectionMode": "ALL"}
    ended = aws.at(aws.run({"kill": hurt("terminate")}, targets={"some": target}), "failed")
    assert "InvalidInstanceID.NotFound" in ended["state"]["reason"]


def test_no_target_fails_the_experiment(aws: Aws) -> None:
    aws.instances(1)  # half of one is none
    ended = aws.at(aws.run({"kill": hurt("terminate"), "wait": wait("PT1S")}, "PERCENT(50)"), "failed")
    assert ended["state"]["reason"] == "Target resolution returned empty set"
    assert ended["state"]["error"]["code"] == "InvalidTarget"
    assert {one["state"]["status"] for one in ended["actions"].values()} == {"cancelled"}


def test_no_target_skips_its_action_where_that_is_asked_for(aws: Aws) -> None:
    options = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "skip"}
    run = aws.run({"kill": hurt("terminate"), "wait": wait("PT1S", "kill")}, experimentOptions=options)
    aws.at(run, "completed")
    assert aws.statuses(run) == {"kill": "skipped", "wait": "completed"}


def test_a_preview_finds_the_targets_and_does_nothing(aws: Aws) -> None:
    some = aws.instances(2)
    template = aws.template({"kill": hurt("terminate"), "wait": wait("PT1H", "kill")})
    run = aws.start(template, experimentOptions={"actionsMode": "skip-all"})
    ended = aws.at(run, "completed")
    assert ended["experimentOptions"]["actionsMode"] == "skip-all"
    assert aws.statuses(run) == {"kill": "skipped", "wait": "skipped"}
    assert sorted(aws.found(run)) == sorted(some)
    assert aws.states(some) == ["running"] * 2


def alarm(aws: Aws, state: str) -> list[dict[str, str]]:
    """A stop condition whose alarm is in this state, and stays there without data."""
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=aws.tag, Namespace="shop", MetricName="latency", Statistic="Average", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=aws.tag, StateValue=state, StateReason="a test")
    arn = cloudwatch.describe_alarms(AlarmNames=[aws.tag])["MetricAlarms"][0]["AlarmArn"]
    return [{"source": "aws:cloudwatch:alarm", "value": arn}]


def test_a_stop_condition_stops_it(aws: Aws) -> None:
    some = aws.instances(1)
    conditions = alarm(aws, "OK")
    run = aws.run({"stop": hurt("stop", startInstancesAfterDuration="PT1H")}, stopConditions=conditions)
    aws.at(run, "running", "stop")
    aws.client("cloudwatch").set_alarm_state(AlarmName=aws.tag, StateValue="ALARM", StateReason="slow")
    ended = aws.at(run, "stopped")
    assert conditions[0]["value"] in ended["state"]["reason"]
    assert aws.states(some) == ["running"]


def test_a_stop_condition_that_holds_already_lets_nothing_begin(aws: Aws) -> None:
    some = aws.instances(1)
    aws.at(aws.run({"kill": hurt("terminate")}, stopConditions=alarm(aws, "ALARM")), "stopped")
    assert aws.states(some) == ["running"]


def test_a_stop_condition_whose_alarm_vanishes_fails_it(aws: Aws) -> None:
    some = aws.instances(1)
    conditions = alarm(aws, "OK")
    run = aws.run({"stop": hurt("stop", startInstancesAfterDuration="PT1H")}, stopConditions=conditions)
    aws.at(run, "running", "stop")
    aws.client("cloudwatch").delete_alarms(AlarmNames=[aws.tag])
    assert "does not exist" in aws.at(run, "failed")["state"]["reason"]
    assert aws.states(some) == ["running"]


def test_a_stop_condition_without_an_alarm_lets_nothing_begin(aws: Aws) -> None:
    some = aws.instances(1)
    conditions = alarm(aws, "OK")
    aws.client("cloudwatch").delete_alarms(AlarmNames=[aws.tag])
    ended = aws.at(aws.run({"kill": hurt("terminate")}, stopConditions=conditions), "failed")
    assert "does not exist" in ended["state"]["reason"]
    assert aws.states(some) == ["running"]


def test_the_safety_lever(aws: Aws) -> None:
    some = aws.instances(1)
    fis = aws.client("fis")
    template = aws.template({"stop": hurt("stop", startInstancesAfterDuration="PT1H")})
    run = aws.start(template)
    aws.at(run, "running", "stop")
    fis.update_safety_lever_state(id="default", state={"status": "engaged", "reason": "a release"})
    try:
        assert "a release" in aws.at(run, "stopped")["state"]["reason"]
        assert aws.states(some) == ["running"]
        lever = until(lambda: engaged(fis), what="engaged")
        assert lever["state"] == {"status": "engaged", "reason": "a release"}
        later = aws.experiment(aws.start(template))
        assert later["state"]["status"] == "cancelled"
        assert later["actions"]["stop"]["state"]["status"] == "cancelled"
        again = {"status": "engaged", "reason": "another"}
        assert (
            refused(lambda: fis.update_safety_lever_state(id="default", state=again)) == "ConflictException"
        )
        unknown = {"status": "disengaged", "reason": ""}
        assert (
            refused(lambda: fis.update_safety_lever_state(id="other", state=unknown))
            == "ResourceNotFoundException"
        )
    finally:
        fis.update_safety_lever_state(id="default", state={"status": "disengaged", "reason": "done"})
    aws.fis.stop_experiment(id=aws.start(template))
    time.sleep(0.5)
    assert aws.states(some) == ["running"]


def engaged(fis: Any) -> Any:
    lever = fis.get_safety_lever(id="default")["safetyLever"]
    return lever if lever["state"]["status"] == "engaged" else None
