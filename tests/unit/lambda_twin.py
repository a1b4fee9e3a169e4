"""Lambda in memory: a function, its tags, and what somebody else does to it in between."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_engine.cloud import CloudError
from tests.unit.cloud_twin import CloudTwin

Asked = Mapping[str, Any]
PREFIX = "arn:aws:lambda:eu-central-1:123456789012:"
SHOP = f"{PREFIX}function:shop"
OWN, CHAOS = f"{PREFIX}layer:own:3", f"{PREFIX}layer:chaos:1"


def shop() -> dict[str, Any]:
    return {
        "FunctionArn": SHOP,
        "Handler": "app.handler",
        "Environment": {"Variables": {"MODE": "well", "KEEP": "1"}},
        "Layers": [{"Arn": OWN, "CodeSize": 1}],
        "LastUpdateStatus": "Successful",
        "State": "Active",
        "RevisionId": "r1",
    }


@dataclass
class LambdaTwin(CloudTwin):
    """`takes`: seconds that an update is under way; `fails`: how many of the next ones fail.

    `between`: what somebody else does to the function right after it was read.
    """

    function: dict[str, Any] | None = field(default_factory=shop)
    tags: dict[str, str] = field(default_factory=dict)
    reserved: int | None = None
    shown_after: float = 0.0
    takes: float = 1.0
    fails: int = 0
    between: list[Callable[[dict[str, Any]], None]] = field(default_factory=list)
    _since: float = 0.0
    _before: int | None = None

    def another(self, **more: Any) -> None:
        """Somebody else changes it."""
        assert self.function is not None
        self.function |= more
        self._touched()

    def variables(self, **more: str) -> None:
        """Somebody else changes variables."""
        found = self._found()
        found["Environment"]["Variables"] |= more
        self._touched()

    # --- the API ---

    def lambda_get_function_configuration(self, _: Asked) -> Mapping[str, Any]:
        found = self._found()
        if found["LastUpdateStatus"] == "InProgress" and self.clock.wall >= self._since + self.takes:
            found["LastUpdateStatus"] = "Failed" if self.fails else "Successful"
            found["LastUpdateStatusReason"] = "no such image"
            self.fails = max(0, self.fails - 1)
        answer = copy.deepcopy(found)
        if self.between:
            self.between.pop(0)(found)
            self._touched()
        return answer

    def lambda_update_function_configuration(self, asked: Asked) -> Mapping[str, Any]:
        found = self._found()
        if asked["RevisionId"] != found["RevisionId"]:
            raise CloudError("PreconditionFailedException", "The RevisionId provided does not match")
        if "Layers" in asked:
            found["Layers"] = [{"Arn": arn, "CodeSize": 1} for arn in asked["Layers"]]
        found |= {key: value for key, value in asked.items() if key in ("Handler", "Environment")}
        found["LastUpdateStatus"], self._since = "InProgress", self.clock.wall
        self._touched()
        return copy.deepcopy(found)

    def lambda_get_layer_version(self, asked: Asked) -> Mapping[str, Any]:
        if asked["LayerName"].endswith(":chaos") and asked["VersionNumber"] == 1:
            return {"LayerVersionArn": CHAOS}
        raise CloudError("ResourceNotFoundException", "The resource you requested does not exist.")

    def lambda_list_tags(self, _: Asked) -> Mapping[str, Any]:
        self._found()
        return {"Tags": dict(self.tags)}

    def lambda_tag_resource(self, asked: Asked) -> Mapping[str, Any]:
        self._found()
        self.tags |= asked["Tags"]
        return {}

    def lambda_untag_resource(self, asked: Asked) -> Mapping[str, Any]:
        self._found()
        for key in asked["TagKeys"]:
            self.tags.pop(key, None)
        return {}

    def lambda_get_function_concurrency(self, _: Asked) -> Mapping[str, Any]:
        self._found()
        late = self.clock.wall < self._since + self.shown_after
        number = self._before if late else self.reserved
        return {} if number is None else {"ReservedConcurrentExecutions": number}

    def lambda_put_function_concurrency(self, asked: Asked) -> Mapping[str, Any]:
        self._found()
        return self._reserve(asked["ReservedConcurrentExecutions"])

    def lambda_delete_function_concurrency(self, _: Asked) -> Mapping[str, Any]:
        self._found()
        return self._reserve(None)

    # --- ---

    def _reserve(self, number: int | None) -> Mapping[str, Any]:
        self._before, self.reserved, self._since = self.reserved, number, self.clock.wall
        return {}

    def _found(self) -> dict[str, Any]:
        if self.function is None:
            raise CloudError("ResourceNotFoundException", "Function not found: shop")
        return self.function

    def _touched(self) -> None:
        found = self._found()
        found["RevisionId"] = f"r{int(found['RevisionId'][1:]) + 1}"
