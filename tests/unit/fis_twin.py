"""FIS in memory: an experiment's state is what the test says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_engine.cloud import CloudError
from tests.unit.cloud_twin import CloudTwin

Asked = Mapping[str, Any]
ARN = "arn:aws:fis:eu-central-1:123456789012:"
INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0123456789abcdef0"
ALARM = {"source": "aws:cloudwatch:alarm", "value": "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:a"}


def action(id_: str, **parameters: str) -> dict[str, Any]:
    return {"actionId": id_, "parameters": parameters, "targets": {"Instances": "some"}}


STOP = action("aws:ec2:stop-instances", startInstancesAfterDuration="PT5M")
WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}


def template(*conditions: Mapping[str, str], **actions: Mapping[str, Any]) -> dict[str, Any]:
    """One that stops an instance for five minutes, unless other actions are given."""
    return {
        "id": "EXT1",
        "arn": f"{ARN}experiment-template/EXT1",
        "targets": {"some": {"resourceType": "aws:ec2:instance", "resourceArns": [INSTANCE]}},
        "actions": actions or {"Stop": STOP},
        "stopConditions": list(conditions) or [{"source": "none"}],
    }


@dataclass
class FisTwin(CloudTwin):
    """Templates, and the experiments that were started from them."""

    templates: dict[str, dict[str, Any]] = field(default_factory=lambda: {"EXT1": template()})
    experiments: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"resourceType": "aws:ec2:instance", "targetName": "some", "targetInformation": {"arn": INSTANCE}}
        ]
    )
    lever: str = "disengaged"
    ends_before_it_is_stopped: bool = False

    def put(self, status: str, reason: str = "", actions: str = "", **more: Any) -> None:
        """The one experiment is in this state, and all its actions in that."""
        (experiment,) = self.experiments.values()
        experiment["state"] = {"status": status, "reason": reason, **more}
        for each in experiment["actions"].values():
            each["state"] = {"status": actions or status, "reason": ""}
        if status in ("completed", "stopped", "failed", "cancelled"):
            experiment["endTime"] = self.clock.date()

    # --- the API ---

    def fis_get_experiment_template(self, asked: Asked) -> Mapping[str, Any]:
        if asked["id"] not in self.templates:
            raise CloudError("ResourceNotFoundException", f"Experiment template {asked['id']} does not exist")
        return {"experimentTemplate": self.templates[asked["id"]]}

    def fis_start_experiment(self, asked: Asked) -> Mapping[str, Any]:
        for experiment in self.experiments.values():
            if experiment["clientToken"] == asked["clientToken"]:
                return {"experiment": experiment}
        found = self.templates[asked["experimentTemplateId"]]
        id_ = f"EXP{len(self.experiments) + 1}"
        self.experiments[id_] = {
            "id": id_,
            "arn": f"{ARN}experiment/{id_}",
            "clientToken": asked["clientToken"],
            "experimentTemplateId": asked["experimentTemplateId"],
            "targets": found["targets"],
            "actions": {name: dict(each) for name, each in found["actions"].items()},
            "experimentOptions": {"actionsMode": "run-all", **asked.get("experimentOptions", {})},
            "tags": dict(asked["tags"]),
            "state": {"status": "pending"},
            "listed": self.clock.wall + self.listed_after,
        }
        return {"experiment": self.experiments[id_]}

    def fis_get_experiment(self, asked: Asked) -> Mapping[str, Any]:
        if asked["id"] not in self.experiments:
            raise CloudError("ResourceNotFoundException", f"Experiment {asked['id']} does not exist")
        experiment = self.experiments[asked["id"]]
        if experiment["state"]["status"] == "stopping" and self.clock.wall >= experiment["stops"]:
            experiment["state"] = {"status": "stopped", "reason": "Experiment halted by user"}
        return {"experiment": experiment}

    def fis_stop_experiment(self, asked: Asked) -> Mapping[str, Any]:
        if self.ends_before_it_is_stopped:
            self.put("completed")
        experiment = self.fis_get_experiment(asked)["experiment"]
        if experiment["state"]["status"] in ("completed", "stopped", "failed", "cancelled"):
            raise CloudError("ConflictException", f"Experiment {asked['id']} is not running")
        experiment["state"] = {"status": "stopping"}
        experiment["stops"] = self.clock.wall + self.stopping_takes
        return {"experiment": experiment}

    def fis_list_experiments(self, asked: Asked) -> Mapping[str, Any]:
        known = [e for e in self.experiments.values() if e["listed"] <= self.clock.wall]
        template = asked["experimentTemplateId"]
        return {"experiments": [e for e in known if e["experimentTemplateId"] == template]}

    def fis_list_experiment_resolved_targets(self, _: Asked) -> Mapping[str, Any]:
        return {"resolvedTargets": self.resolved}

    def fis_get_safety_lever(self, asked: Asked) -> Mapping[str, Any]:
        state = {"status": self.lever, "reason": "a release is going on"}
        return {"safetyLever": {"id": asked["id"], "state": state}}
