"""A run of an experiment template of AWS FIS, the Fault Injection Service.

The API: https://docs.aws.amazon.com/fis/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field, StrictBool

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Seen, Target
from chaos_engine.ports import World
from scenarios import fis_bounds, fis_course
from scenarios.aws import (
    DENIED,
    MARK,
    AwsScenario,
    NotStartedError,
    Reached,
    RefusedError,
    RunParameters,
    mark,
    reach,
    reached_by,
    tags,
    undo_by,
)
from scenarios.base import Parameters, Preparation


class FisParameters(RunParameters):
    """`template`: its id. `preview`: every action is skipped, its targets are listed; that proves nothing.

    `allow_unbounded`: start it also where it has neither a bounded duration nor a stop condition.
    `tags` are put on the experiment.
    """

    template: str = Field(min_length=1)
    preview: StrictBool = False
    allow_unbounded: StrictBool = False
    tags: dict[str, str] = Field(default_factory=dict)


class Fis(AwsScenario):
    """Starts the template, follows it to its end; clearing stops it, and FIS undoes what it did."""

    name = "fis"
    parameters: ClassVar[type[Parameters]] = FisParameters
    permissions = MappingProxyType(
        {
            "fis:GetExperimentTemplate": ("fis:experiment-template/{template}",),
            "fis:StartExperiment": ("fis:experiment-template/{template}", "fis:experiment/*"),
            "fis:TagResource": ("fis:experiment/*",),
            "fis:GetExperiment": ("fis:experiment/*",),
            "fis:ListExperimentResolvedTargets": ("fis:experiment/*",),
            "fis:ListExperiments": (),
            "fis:StopExperiment": ("fis:experiment/*",),
            "fis:GetSafetyLever": ("fis:safety-lever/default",),
        }
    )
    unknown = frozenset({"ResourceNotFoundException"})
    ended = fis_course.ENDED
    ending = fis_course.ENDING

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: there is no such template, or nothing would end it."""
        aws = reach(target, world)
        template = _template(aws, parameters.template)
        endless = fis_bounds.refusal(template)
        if endless and not (parameters.allow_unbounded or parameters.preview):
            raise RefusedError(endless)
        own = {"template": parameters.template, "preview": parameters.preview, "tags": parameters.tags}
        undo = undo_by(aws, rng, world, template=parameters.template)
        return Preparation(own, undo, tuple(_resources(template)))

    def inject(self, fault: Fault, world: World) -> Mapping[str, Any]:
        """Start it: the token makes a repeated start the same one."""
        aws = reached_by(fault, world)
        options = {"experimentOptions": {"actionsMode": "skip-all"}} if fault.parameters["preview"] else {}
        try:
            answer = aws.call(
                "fis",
                "start_experiment",
                clientToken=fault.undo["token"],
                experimentTemplateId=fault.undo["template"],
                tags=tags(fault, fault.parameters["tags"]),
                **options,
            )
        except CloudError as error:
            raise NotStartedError(_and(_lever(aws), f"{error.code}: {error}")) from error
        return {"run": answer["experiment"]["id"]}

    def look(self, aws: Reached, fault: Fault, run: str) -> Seen:
        """Its state, and what it was resolved to."""
        del fault
        experiment = _experiment(aws, run)
        status = fis_course.status_of(experiment)
        targets = None if status in ("pending", "initiating") else _resolved(aws, run)
        why = _lever(aws) if status in ("cancelled", "stopped") else ""
        return fis_course.seen(experiment, targets, why)

    def find(self, aws: Reached, fault: Fault) -> str | None:
        """Among the runs of its template, by its tag."""
        template = fault.undo["template"]
        for page in aws.pages("fis", "list_experiments", experimentTemplateId=template):
            for experiment in page["experiments"]:
                if experiment.get("tags", {}).get(MARK) == mark(fault):
                    return str(experiment["id"])
        return None

    def status(self, aws: Reached, run: str) -> str:
        """FIS's word."""
        return fis_course.status_of(_experiment(aws, run))

    def stop(self, aws: Reached, run: str) -> None:
        """FIS ends the actions under way, and undoes them before it says `stopped`."""
        aws.call("fis", "stop_experiment", id=run)


def _template(aws: Reached, id_: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = aws.call("fis", "get_experiment_template", id=id_)["experimentTemplate"]
    except CloudError as error:
        raise RefusedError(f"template {id_}: {error.code}: {error}") from error
    return found


def _experiment(aws: Reached, run: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = aws.call("fis", "get_experiment", id=run)["experiment"]
    return found


def _resolved(aws: Reached, run: str) -> Sequence[Mapping[str, Any]] | None:
    """Every resource that it acts on; None where we may not know."""
    try:
        pages = aws.pages("fis", "list_experiment_resolved_targets", experimentId=run)
        return [target for page in pages for target in page["resolvedTargets"]]
    except CloudError as error:
        if error.code in DENIED:
            return None
        raise


def _lever(aws: Reached) -> str:
    """Whether the account's safety lever stands in the way, in a sentence; empty: no, or nobody says.

    https://docs.aws.amazon.com/fis/latest/userguide/safety-lever.html: a run that is started while it is
    engaged is cancelled, one under way is stopped.
    """
    try:
        state = aws.call("fis", "get_safety_lever", id="default")["safetyLever"]["state"]
    except CloudError:
        return ""
    if state.get("status") not in ("engaged", "engaging"):
        return ""
    return _and("the account's safety lever is engaged", state.get("reason", ""), ": ")


def _and(first: str, second: str, between: str = "; ") -> str:
    return between.join(text for text in (first, second) if text)


def _resources(template: Mapping[str, Any]) -> list[str]:
    """The template, and the resources that it names; those that it finds by tag are known only later."""
    arns = [arn for target in template.get("targets", {}).values() for arn in target.get("resourceArns", ())]
    return [f"fis:{template.get('arn', template.get('id'))}", *(f"aws:{arn}" for arn in arns)]
