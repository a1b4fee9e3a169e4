"""`aws:ssm:start-automation-execution`: an Automation runs, and is cancelled when the experiment stops."""

from __future__ import annotations

import math
from typing import Any

from chaos_engine.rehearsal import iso_duration
from chaos_engine.rehearsal.fis_actions import ActionError, Scene
from chaos_engine.rehearsal.fis_catalog import document_parameters

GOOD = frozenset({"Success", "CompletedWithSuccess"})
BAD = frozenset({"Failed", "TimedOut", "Cancelled", "CompletedWithFailure", "Exited", "Rejected"})


class StartAutomation:
    """Over when the execution succeeds; failed when it does not, or not in time."""

    def __init__(self, scene: Scene) -> None:
        self._ssm = scene.client("ssm")
        self._parameters = scene.parameters
        self._until = math.inf
        self._id = ""

    def begin(self, now: float) -> None:
        """Start it."""
        version = self._parameters.get("documentVersion")
        self._id = self._ssm.start_automation_execution(
            DocumentName=self._parameters["documentArn"].rpartition(":document/")[2],
            Parameters=document_parameters(self._parameters.get("documentParameters", "{}")),
            **({"DocumentVersion": version} if version else {}),
        )["AutomationExecutionId"]
        self._until = now + iso_duration.seconds(self._parameters["maxDuration"])

    def look(self, now: float) -> bool:
        """Whether it has succeeded."""
        execution = self._execution()
        status = execution["AutomationExecutionStatus"]
        if status in BAD:
            said = execution.get("FailureMessage", "")
            raise ActionError(f"automation execution {self._id} ended as {status}{said and ': '}{said}")
        if status not in GOOD and now >= self._until:
            self.halt()
            raise ActionError(f"automation execution {self._id} took longer than maxDuration")
        return status in GOOD

    def halt(self) -> None:
        """Cancel it, unless it is over."""
        if self._execution()["AutomationExecutionStatus"] not in GOOD | BAD:
            self._ssm.stop_automation_execution(AutomationExecutionId=self._id, Type="Cancel")

    def _execution(self) -> Any:
        return self._ssm.get_automation_execution(AutomationExecutionId=self._id)["AutomationExecution"]
