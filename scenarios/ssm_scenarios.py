"""Documents of AWS Systems Manager: an Automation that is run, a command that is sent to instances.

The API: https://docs.aws.amazon.com/systems-manager/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import Field, model_validator

from chaos_engine.cloud import CloudError
from chaos_engine.model import Fault, Seen, Target
from chaos_engine.ports import World
from scenarios import automation_course, command_course
from scenarios.aws import (
    MARK,
    AwsScenario,
    NotStartedError,
    Reached,
    mark,
    reach,
    reached_by,
    started_about,
    tags,
    undo_by,
)
from scenarios.base import Parameters, Preparation
from scenarios.ssm import DocumentParameters, check_document, plain_name, written

EXECUTION = "ssm:automation-execution/*"
LEAST_DELIVERY = 30  # seconds; SSM takes no less


class AutomationParameters(DocumentParameters):
    """`target_parameter`: the document's parameter that takes what `resources` finds, one at a time.

    `tags` are put on the execution.
    """

    target_parameter: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _both_or_neither(self) -> AutomationParameters:
        if bool(self.target_parameter) is not bool(self.resources):
            raise ValueError("resources and target_parameter go together")
        return self


class SsmAutomation(AwsScenario):
    """Starts the document, follows its steps; clearing cancels it, and its `onCancel` steps run."""

    name = "ssm_automation"
    parameters: ClassVar[type[Parameters]] = AutomationParameters
    permissions = MappingProxyType(
        {
            "ssm:DescribeDocument": ("ssm:document/{document}",),
            "ssm:StartAutomationExecution": ("ssm:automation-definition/{document}:*", EXECUTION),
            "ssm:AddTagsToResource": (EXECUTION,),
            "ssm:GetAutomationExecution": (EXECUTION,),
            "ssm:DescribeAutomationStepExecutions": (EXECUTION,),
            "ssm:DescribeAutomationExecutions": (),
            "ssm:ListTagsForResource": (EXECUTION,),
            "ssm:StopAutomationExecution": (EXECUTION,),
        }
    )
    unknown = frozenset({"AutomationExecutionNotFoundException"})
    ended = automation_course.ENDED
    ending = automation_course.ENDING

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: there is no such document, or it is no Automation."""
        aws = reach(target, world)
        check_document(aws, parameters, "Automation")
        request = written(parameters)
        if parameters.target_parameter:
            request["TargetParameterName"] = parameters.target_parameter
        own = {"document": parameters.document, "request": request, "tags": parameters.tags}
        undo = undo_by(aws, rng, world, document=parameters.document)
        return Preparation(own, undo, (f"ssm:{parameters.document}",))

    def inject(self, fault: Fault, world: World) -> Mapping[str, Any]:
        """Start it: the token makes a repeated start the same one."""
        ours = tags(fault, fault.parameters["tags"])
        try:
            answer = reached_by(fault, world).call(
                "ssm",
                "start_automation_execution",
                DocumentName=fault.undo["document"],
                ClientToken=fault.undo["token"],
                Tags=[{"Key": key, "Value": value} for key, value in ours.items()],
                **fault.parameters["request"],
            )
        except CloudError as error:
            raise NotStartedError(f"{error.code}: {error}") from error
        return {"run": answer["AutomationExecutionId"]}

    def look(self, aws: Reached, fault: Fault, run: str) -> Seen:
        """Its state, and that of every step."""
        del fault
        execution = _execution(aws, run)
        return automation_course.seen(execution, _steps(aws, execution))

    def find(self, aws: Reached, fault: Fault) -> str | None:
        """Among the runs of its document since about its start, by its tag."""
        since = [{"Key": "StartTimeAfter", "Values": [started_about(fault)]}]
        for page in aws.pages("ssm", "describe_automation_executions", Filters=since):
            for execution in page["AutomationExecutionMetadataList"]:
                run = str(execution["AutomationExecutionId"])
                if _is_of(execution, fault) and _marked(aws, run) == mark(fault):
                    return run
        return None

    def status(self, aws: Reached, run: str) -> str:
        """SSM's word."""
        return automation_course.status_of(_execution(aws, run))

    def stop(self, aws: Reached, run: str) -> None:
        """The step under way is left, and what it names as `onCancel` runs."""
        aws.call("ssm", "stop_automation_execution", AutomationExecutionId=run, Type="Cancel")


def _execution(aws: Reached, run: str) -> Mapping[str, Any]:
    answer = aws.call("ssm", "get_automation_execution", AutomationExecutionId=run)
    found: Mapping[str, Any] = answer["AutomationExecution"]
    return found


def _steps(aws: Reached, execution: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """All of them; the execution itself has no more than the first hundred."""
    steps: Sequence[Mapping[str, Any]] = execution.get("StepExecutions", ())
    if not execution.get("StepExecutionsTruncated"):
        return steps
    run = execution["AutomationExecutionId"]
    pages = aws.pages("ssm", "describe_automation_step_executions", AutomationExecutionId=run)
    return [step for page in pages for step in page["StepExecutions"]]


def _marked(aws: Reached, run: str) -> str:
    answer = aws.call("ssm", "list_tags_for_resource", ResourceType="Automation", ResourceId=run)
    return next((str(tag["Value"]) for tag in answer["TagList"] if tag["Key"] == MARK), "")


class CommandParameters(DocumentParameters):
    """`instances`: their ids; or `resources`, such as `[{key: "tag:Name", values: [web]}]`."""

    instances: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_of_them(self) -> CommandParameters:
        if bool(self.instances) is bool(self.resources):
            raise ValueError("has both instances and resources, or neither; allowed: one of them")
        return self


class SsmCommand(AwsScenario):
    """Sends the document to instances; clearing cancels it on those where it still runs."""

    name = "ssm_command"
    parameters: ClassVar[type[Parameters]] = CommandParameters
    permissions = MappingProxyType(
        {
            "ssm:DescribeDocument": ("ssm:document/{document}",),
            "ssm:SendCommand": ("ssm:document/{document}", "ec2:instance/*"),
            "ssm:ListCommands": (),
            "ssm:ListCommandInvocations": (),
            "ssm:CancelCommand": (),
        }
    )
    unknown = frozenset({"InvalidCommandId"})
    ended = command_course.ENDED
    ending = command_course.ENDING

    def prepare(self, target: Target, parameters: Any, rng: Random, world: World) -> Preparation:
        """RefusedError: there is no such document, or it is no Command."""
        aws = reach(target, world)
        check_document(aws, parameters, "Command")
        request = written(parameters)
        if parameters.instances:
            request["InstanceIds"] = list(parameters.instances)
        # What no instance has taken by then is never run.
        request["TimeoutSeconds"] = max(LEAST_DELIVERY, int(parameters.timeout))
        undo = undo_by(aws, rng, world, document=parameters.document)
        resources = [f"ec2:{id_}" for id_ in parameters.instances] or [f"ssm:{parameters.document}"]
        return Preparation({"document": parameters.document, "request": request}, undo, tuple(resources))

    def inject(self, fault: Fault, world: World) -> Mapping[str, Any]:
        """Send it. SSM has no token for that: its comment says whose it is."""
        try:
            answer = reached_by(fault, world).call(
                "ssm",
                "send_command",
                DocumentName=fault.undo["document"],
                Comment=_comment(fault),
                **fault.parameters["request"],
            )
        except CloudError as error:
            raise NotStartedError(f"{error.code}: {error}") from error
        return {"run": answer["Command"]["CommandId"]}

    def look(self, aws: Reached, fault: Fault, run: str) -> Seen:
        """Its state, and that on every instance."""
        del fault
        command = _command(aws, run)
        pages = aws.pages("ssm", "list_command_invocations", CommandId=run, Details=True)
        return command_course.seen(command, [i for page in pages for i in page["CommandInvocations"]])

    def find(self, aws: Reached, fault: Fault) -> str | None:
        """Among the commands since about its start, by its comment."""
        since = [{"key": "InvokedAfter", "value": started_about(fault)}]
        for page in aws.pages("ssm", "list_commands", Filters=since):
            for command in page["Commands"]:
                if command.get("Comment") == _comment(fault):
                    return str(command["CommandId"])
        return None

    def status(self, aws: Reached, run: str) -> str:
        """SSM's word."""
        return command_course.status_of(_command(aws, run))

    def stop(self, aws: Reached, run: str) -> None:
        """The agents end what they run for it."""
        aws.call("ssm", "cancel_command", CommandId=run)


def _command(aws: Reached, run: str) -> Mapping[str, Any]:
    found = list(aws.call("ssm", "list_commands", CommandId=run)["Commands"])
    if not found:
        raise CloudError("InvalidCommandId", f"there is no command {run}")
    return dict(found[0])


def _comment(fault: Fault) -> str:
    """At most 100 characters."""
    return f"chaos-engine {mark(fault)}"[:100]


def _is_of(execution: Mapping[str, Any], fault: Fault) -> bool:
    return plain_name(str(execution.get("DocumentName"))) == plain_name(fault.undo["document"])
