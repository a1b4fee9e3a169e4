"""What an experiment does with an Automation: it waits for it, fails with it, and cancels it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from chaos_engine.rehearsal.fis_actions import ActionError, Scene
from chaos_engine.rehearsal.fis_automation import StartAutomation

NOW = 1000.0
PARAMETERS = {
    "documentArn": "arn:aws:ssm:eu-north-1:123456789012:document/RestartTheShop",
    "documentVersion": "3",
    "documentParameters": '{"Instance": "i-1", "Zones": ["a", "b"]}',
    "maxDuration": "PT1M",
}


@dataclass
class Ssm:
    """One Automation execution, in a status of the test's choosing."""

    status: str = "InProgress"
    asked: list[Any] = field(default_factory=list)

    def start_automation_execution(self, **what: Any) -> dict[str, Any]:
        self.asked.append(what)
        return {"AutomationExecutionId": "run-1"}

    def get_automation_execution(self, AutomationExecutionId: str) -> dict[str, Any]:  # noqa: N803
        assert AutomationExecutionId == "run-1"
        execution = {"AutomationExecutionStatus": self.status, "FailureMessage": "step 2 broke"}
        return {"AutomationExecution": execution}

    def stop_automation_execution(self, **what: Any) -> dict[str, Any]:
        self.asked.append(what)
        return {}


class Here(Scene):
    """A scene in which this SSM answers."""

    ssm = Ssm()

    def client(self, service: str) -> Any:
        assert service == "ssm"
        return self.ssm


def begun(status: str) -> tuple[StartAutomation, Ssm]:
    scene = Here("123456789012", "eu-north-1", PARAMETERS, {})
    ssm = Ssm()
    Here.ssm = ssm
    action = StartAutomation(scene)
    action.begin(NOW)
    ssm.status = status
    return action, ssm


def test_it_is_started_with_what_the_template_says() -> None:
    _, ssm = begun("InProgress")
    assert ssm.asked == [
        {
            "DocumentName": "RestartTheShop",
            "DocumentVersion": "3",
            "Parameters": {"Instance": ["i-1"], "Zones": ["a", "b"]},
        }
    ]


@pytest.mark.parametrize(
    ("status", "over"), [("Pending", False), ("InProgress", False), ("Waiting", False), ("Success", True)]
)
def test_it_is_over_when_it_succeeds(status: str, over: bool) -> None:
    assert begun(status)[0].look(NOW + 1) is over


@pytest.mark.parametrize("status", ["Failed", "TimedOut", "Cancelled"])
def test_it_fails_as_the_automation_does(status: str) -> None:
    with pytest.raises(ActionError, match=f"run-1 ended as {status}: step 2 broke"):
        begun(status)[0].look(NOW + 1)


def test_one_that_takes_too_long_is_cancelled_and_fails() -> None:
    action, ssm = begun("InProgress")
    assert not action.look(NOW + 59)
    with pytest.raises(ActionError, match="longer than maxDuration"):
        action.look(NOW + 60)
    assert ssm.asked[-1] == {"AutomationExecutionId": "run-1", "Type": "Cancel"}


def test_it_is_cancelled_when_the_experiment_stops_unless_it_is_over() -> None:
    action, ssm = begun("InProgress")
    action.halt()
    assert ssm.asked[-1] == {"AutomationExecutionId": "run-1", "Type": "Cancel"}
    action, ssm = begun("Success")
    action.halt()
    assert len(ssm.asked) == 1
