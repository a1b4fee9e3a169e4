"""SSM in memory: an Automation's or a command's state is what the test says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chaos_engine.cloud import CloudError
from tests.unit.cloud_twin import CloudTwin

Asked = Mapping[str, Any]
DOCUMENTS = {
    "Outage": "Automation",
    "AWSFIS-Run-CPU-Stress": "Command",
    "Policy": "Policy",
}
WEB, API = "i-0aaaaaaaaaaaaaaaa", "i-0bbbbbbbbbbbbbbbb"


def step(name: str, status: str, action: str = "aws:changeInstanceState", **more: Any) -> dict[str, Any]:
    return {"StepName": name, "Action": action, "StepStatus": status, **more}


@dataclass
class SsmTwin(CloudTwin):
    """Automations by id, commands by id; `on` is what a command's targets are resolved to."""

    automations: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    on: tuple[str, ...] = (WEB, API)
    truncates: bool = False

    # --- what the test does ---

    def put(self, status: str, *steps: Mapping[str, Any], **more: Any) -> None:
        """The one Automation is in this state."""
        (found,) = self.automations.values()
        found |= {"AutomationExecutionStatus": status, "StepExecutions": list(steps), **more}
        if status in ("Success", "Failed", "TimedOut", "Cancelled"):
            found["ExecutionEndTime"] = self.clock.date()

    def send(self, status: str, details: str = "", **instances: str) -> None:
        """The one command is in this state, and its instances (`web`, `api`) in those."""
        (command,) = self.commands.values()
        command |= {"Status": status, "StatusDetails": details}
        for name, state in instances.items():
            word, _, reason = state.partition("/")
            command["invocations"][{"web": WEB, "api": API}[name]] |= {
                "Status": word,
                "StatusDetails": reason or word,
                "CommandPlugins": [{"ResponseFinishDateTime": self.clock.date()}],
            }

    # --- Automation ---

    def ssm_describe_document(self, asked: Asked) -> Mapping[str, Any]:
        if asked["Name"] not in DOCUMENTS:
            raise CloudError("InvalidDocument", f"Document with name {asked['Name']} does not exist.")
        return {"Document": {"Name": asked["Name"], "DocumentType": DOCUMENTS[asked["Name"]]}}

    def ssm_start_automation_execution(self, asked: Asked) -> Mapping[str, Any]:
        for id_, found in self.automations.items():
            if found["ClientToken"] == asked["ClientToken"]:
                return {"AutomationExecutionId": id_}
        id_ = str(uuid.uuid4())
        self.automations[id_] = {
            **asked,
            "AutomationExecutionId": id_,
            "AutomationExecutionStatus": "Pending",
            "StepExecutions": [],
            "ExecutionStartTime": self.clock.date(),
            "listed": self.clock.wall + self.listed_after,
        }
        return {"AutomationExecutionId": id_}

    def ssm_get_automation_execution(self, asked: Asked) -> Mapping[str, Any]:
        found = self._automation(asked)
        if found["AutomationExecutionStatus"] == "Cancelling" and self.clock.wall >= found["stops"]:
            found["AutomationExecutionStatus"] = "Cancelled"
        shown = {**found, "StepExecutions": found["StepExecutions"][:1]} if self.truncates else found
        return {"AutomationExecution": {**shown, "StepExecutionsTruncated": self.truncates}}

    def ssm_describe_automation_step_executions(self, asked: Asked) -> Mapping[str, Any]:
        return {"StepExecutions": self._automation(asked)["StepExecutions"]}

    def ssm_describe_automation_executions(self, asked: Asked) -> Mapping[str, Any]:
        (only,) = asked["Filters"]
        assert only["Key"] == "StartTimeAfter"
        after = datetime.fromisoformat(only["Values"][0])
        known = [a for a in self.automations.values() if a["listed"] <= self.clock.wall]
        return {"AutomationExecutionMetadataList": [a for a in known if a["ExecutionStartTime"] > after]}

    def ssm_list_tags_for_resource(self, asked: Asked) -> Mapping[str, Any]:
        assert asked["ResourceType"] == "Automation"
        return {"TagList": self.automations[asked["ResourceId"]]["Tags"]}

    def ssm_stop_automation_execution(self, asked: Asked) -> Mapping[str, Any]:
        found = self._automation(asked)
        if found["AutomationExecutionStatus"] not in ("Pending", "InProgress", "Waiting"):
            raise CloudError("InvalidAutomationStatusUpdateException", "it is not running")
        found |= {"AutomationExecutionStatus": "Cancelling", "stops": self.clock.wall + self.stopping_takes}
        return {}

    def _automation(self, asked: Asked) -> dict[str, Any]:
        if asked["AutomationExecutionId"] not in self.automations:
            raise CloudError("AutomationExecutionNotFoundException", "there is no such execution")
        return self.automations[asked["AutomationExecutionId"]]

    # --- Run Command ---

    def ssm_send_command(self, asked: Asked) -> Mapping[str, Any]:
        id_ = str(uuid.uuid4())
        instances = asked.get("InstanceIds", self.on)
        self.commands[id_] = {
            **asked,
            "CommandId": id_,
            "Status": "Pending",
            "TargetCount": len(instances),
            "listed": self.clock.wall + self.listed_after,
            "invocations": {i: {"InstanceId": i, "Status": "Pending"} for i in instances},
        }
        return {"Command": self.commands[id_]}

    def ssm_list_commands(self, asked: Asked) -> Mapping[str, Any]:
        known = [
            c for c in self.commands.values() if asked.get("CommandId", c["CommandId"]) == c["CommandId"]
        ]
        if "CommandId" not in asked:
            assert asked["Filters"][0]["key"] == "InvokedAfter"
            known = [c for c in known if c["listed"] <= self.clock.wall]
        for command in known:
            if command["Status"] == "Cancelling" and self.clock.wall >= command["stops"]:
                command["Status"] = "Cancelled"
        return {"Commands": known}

    def ssm_list_command_invocations(self, asked: Asked) -> Mapping[str, Any]:
        return {"CommandInvocations": list(self.commands[asked["CommandId"]]["invocations"].values())}

    def ssm_cancel_command(self, asked: Asked) -> Mapping[str, Any]:
        command = self.commands[asked["CommandId"]]
        command |= {"Status": "Cancelling", "stops": self.clock.wall + self.stopping_takes}
        return {}
