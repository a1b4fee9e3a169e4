"""A runbook that is run on a clock of paper, against services that answer as a test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chaos_engine.rehearsal import automation_machine as machine
from chaos_engine.rehearsal.automation_checks import checked
from chaos_engine.rehearsal.automation_model import Answer, Call, Execution, Launch, Request
from chaos_engine.rehearsal.ssm_parameters import values

Reply = Callable[[Request], object]
START = 1_700_000_000.0


def any_inputs(service: str, api: str) -> frozenset[str]:
    """The inputs of the two operations that the stories call."""
    return frozenset({"InstanceIds", "Filters", "Force", "IncludeAllInstances", "Name"})


def api(name: str, **keys: Any) -> dict[str, Any]:
    """A step that calls EC2."""
    inputs = {"Service": "ec2", "Api": "DescribeInstances", **keys.pop("inputs", {})}
    return {"name": name, "action": "aws:executeAwsApi", "inputs": inputs, **keys}


def nap(name: str, seconds: int, **keys: Any) -> dict[str, Any]:
    """A step that sleeps."""
    return {"name": name, "action": "aws:sleep", "inputs": {"Duration": f"PT{seconds}S"}, **keys}


def runbook(*steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A document with these steps."""
    return {"schemaVersion": "0.3", "mainSteps": list(steps), **more}


class Story:
    """One execution. `calls` are all that were made; answers come by `answer`, or at once from `reply`."""

    def __init__(self, *steps: Mapping[str, Any], reply: Reply | None = None, given: Any = None, **more: Any):
        book = checked(runbook(*steps, **more), any_inputs)
        launch = Launch(
            id="run",
            document="Doc",
            version="1",
            runbook=book,
            given=given or {},
            values=values(book.parameters, given or {}),
            at=START,
            by="arn",
            account="123456789012",
            region="eu-west-1",
        )
        self.now, self.reply = START, reply
        self.calls: list[Call] = []
        self.state: Execution = machine.begun(launch, [step.name for step in book.main_steps])

    def at(self, seconds: float) -> Story:
        """The machine's turn at this moment after the start."""
        self.now = START + seconds
        self.turn()
        return self

    def turn(self, *answers: Answer) -> None:
        """One turn, and what follows from answers that come at once."""
        self.state, made = machine.advance(self.state, self.now, answers)
        self.calls += made
        for call in made if self.reply else ():
            self.turn(_replied(call, self.reply))

    def answer(self, value: object = None, error: str | None = None) -> Story:
        """The last call's answer."""
        self.turn(Answer(self.calls[-1].id, value, error))
        return self

    def cancel(self) -> Story:
        """A user cancels."""
        self.state = machine.cancel(self.state, self.now)
        return self

    @property
    def statuses(self) -> dict[str, str]:
        """By step."""
        return {run.step.name: run.status for run in self.state.runs}

    @property
    def apis(self) -> list[str]:
        """What was called, in order."""
        return [call.request.api for call in self.calls]


def _replied(call: Call, reply: Reply | None) -> Answer:
    try:
        return Answer(call.id, reply(call.request) if reply else None)
    except RuntimeError as error:
        return Answer(call.id, error=str(error))
