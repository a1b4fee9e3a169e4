"""One FIS experiment: its course, what its actions do, and how the API shows it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.fis.models import ResolvedTarget, TargetAccountConfiguration

from chaos_engine.rehearsal import fis_course as courses
from chaos_engine.rehearsal.fis_actions import ActionError, Performance, Scene
from chaos_engine.rehearsal.fis_automation import StartAutomation
from chaos_engine.rehearsal.fis_catalog import INSTANCE
from chaos_engine.rehearsal.fis_course import Course, Trouble, Work
from chaos_engine.rehearsal.fis_instances import Reboot, Stop, Terminate
from chaos_engine.rehearsal.fis_resolution import alarm_states, resolve
from chaos_engine.rehearsal.fis_template import Template
from chaos_engine.rehearsal.fis_wait import Wait

LONGEST = 512  # characters of a reason, as in the API reference
FAULTS = (ActionError, ClientError, BotoCoreError)
EMPTY = "Target resolution returned empty set"
PERFORMERS: Mapping[str, Callable[[Scene], Performance]] = {
    "aws:ec2:reboot-instances": Reboot,
    "aws:ec2:stop-instances": Stop,
    "aws:ec2:terminate-instances": Terminate,
    "aws:fis:wait": Wait,
    "aws:ssm:start-automation-execution": StartAutomation,
}


@dataclass
class Experiment:
    """What moto's backend keeps under an id. `template` is a copy: later changes to it do not count."""

    id: str
    arn: str
    experiment_template_id: str
    account: str
    region: str
    template: Template
    actions_mode: str
    created: float
    target_account_configurations: dict[str, TargetAccountConfiguration] = field(default_factory=dict)
    course: Course = field(init=False)
    resources: dict[str, list[str]] = field(default_factory=dict)
    performances: dict[str, Performance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.course = courses.planned(
            {name: action.start_after for name, action in self.template.actions.items()}
        )

    def tick(self, now: float) -> None:
        """One step further."""
        if self.course.status in ("initiating", "running"):
            self._guard(now)
        self.course, work = courses.advance(self.course, now)
        for one in work:
            self._do(one, now)

    def _guard(self, now: float) -> None:
        try:
            states = alarm_states(self.template)
        except FAULTS as error:  # a guard that cannot be asked is none
            self.course = courses.failed(self.course, now, Trouble(_said(error), location="stopConditions"))
            return
        for arn, state in states.items():
            if state == "ALARM":
                self.course = courses.stopped(self.course, f"Experiment halted by stop condition: {arn}")
            elif not state:
                reason = f"The alarm of a stop condition does not exist: {arn}"
                trouble = Trouble(reason, "ConfigurationFailure", "stopConditions")
                self.course = courses.failed(self.course, now, trouble)

    def _do(self, work: Work, now: float) -> None:
        try:
            if work.kind == "resolve":
                self._resolve(now)
            else:
                self._act(work, now)
        except FAULTS as error:
            self._fail(work, now, Trouble(_said(error), location=work.action))

    def _fail(self, work: Work, now: float, trouble: Trouble) -> None:
        if work.action:
            self.course = courses.broken(self.course, work.action, now, trouble)
        else:
            self.course = courses.failed(self.course, now, trouble)

    def _resolve(self, now: float) -> None:
        self.resources = resolve(self.template, self.region, self.account, random.Random())  # noqa: S311
        empty = [name for name, found in self.resources.items() if not found]
        if empty and self.template.experiment_options.empty_target_resolution_mode == "fail":
            self.course = courses.failed(self.course, now, Trouble(EMPTY, "InvalidTarget", empty[0]))
            return
        skipped = [
            name
            for name, action in self.template.actions.items()
            if self.actions_mode == "skip-all" or set(action.targets.values()) & set(empty)
        ]
        self.performances = {
            name: PERFORMERS[action.action_id](self._scene(name))
            for name, action in self.template.actions.items()
            if name not in skipped
        }
        self.course = courses.resolved(self.course, now, skipped)

    def _act(self, work: Work, now: float) -> None:
        name = work.action
        if self.course.actions[name].status not in ("initiating", "running", "stopping"):
            return  # another action has failed in this very round
        if work.kind == "begin":
            self.performances[name].begin(now)
            self.course = courses.begun(self.course, name, now)
        elif work.kind == "look" and self.performances[name].look(now):
            self.course = courses.completed(self.course, name, now)
        elif work.kind == "halt":
            self.performances[name].halt()
            self.course = courses.halted(self.course, name, now)

    def _scene(self, name: str) -> Scene:
        action = self.template.actions[name]
        targets = {key: self.resources[target] for key, target in action.targets.items()}
        return Scene(self.account, self.region, action.parameters, targets)

    # -- what the API shows ----------------------------------------------------------------------------------

    def resolved_targets(self) -> list[ResolvedTarget]:
        """Each resource of each target, once they are known."""
        return [
            ResolvedTarget(INSTANCE, name, arn) for name, found in self.resources.items() for arn in found
        ]

    def to_summary_dict(self, tags: dict[str, str] | None = None) -> dict[str, Any]:
        """ExperimentSummary."""
        return {
            "id": self.id,
            "arn": self.arn,
            "experimentTemplateId": self.experiment_template_id,
            "state": self._state(),
            "creationTime": self.created,
            "tags": tags or {},
            "experimentOptions": self._options(),
        }

    def to_dict(self, tags: dict[str, str] | None = None) -> dict[str, Any]:
        """Experiment."""
        template = self.template.model_dump(by_alias=True, exclude_unset=True)
        shown = {name: {**one, **self._run(name)} for name, one in template["actions"].items()}
        more = {
            "roleArn": template["roleArn"],
            "targets": template.get("targets", {}),
            "actions": shown,
            "stopConditions": template["stopConditions"],
            "startTime": self.created,
            "endTime": self.course.ended,
            "logConfiguration": template.get("logConfiguration"),
            "targetAccountConfigurationsCount": len(self.target_account_configurations),
        }
        return self.to_summary_dict(tags) | {key: value for key, value in more.items() if value is not None}

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"status": self.course.status, "reason": self.course.reason[:LONGEST]}
        if (trouble := self.course.trouble) and self.course.status == "failed":
            state["error"] = {"accountId": self.account, "code": trouble.code, "location": trouble.location}
        return state

    def _run(self, name: str) -> dict[str, Any]:
        run = self.course.actions[name]
        times = {"startTime": run.started, "endTime": run.ended}
        return {
            "state": {"status": run.status, "reason": run.reason[:LONGEST]},
            **{key: at for key, at in times.items() if at is not None},
        }

    def _options(self) -> dict[str, str]:
        options = self.template.experiment_options.model_dump(by_alias=True)
        return {**options, "actionsMode": self.actions_mode}


def _said(error: Exception) -> str:
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Code', '')}: {told.get('Message', '')}"
    return str(error)
