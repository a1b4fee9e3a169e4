"""moto's FIS responses: what is asked for is checked first, and what moto lacks is added."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from moto.core.exceptions import JsonRESTError
from moto.core.request import Request
from moto.fis.exceptions import ResourceNotFoundException
from moto.fis.models import fis_backends
from moto.fis.responses import FISResponse
from moto.utilities.paginator import paginate
from moto.utilities.utils import get_partition

from chaos_engine.rehearsal import fis_template
from chaos_engine.rehearsal.fis_backend import TURN, RehearsedFis, body_of
from chaos_engine.rehearsal.fis_catalog import ACTIONS, RESOURCE_TYPES, KnownAction
from chaos_engine.rehearsal.fis_template import RefusedError

Body = TypeVar("Body")
PAGES = {
    "_all_actions": {
        "input_token": "next_token",
        "limit_key": "max_results",
        "limit_default": 100,
        "unique_attribute": "id",
    }
}
STATUSES = ("engaged", "disengaged")


class ValidationError(JsonRESTError):
    """400: the message names the fields."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class InvalidPageError(ValidationError):
    """400: a nextToken that was never given."""

    def __init__(self) -> None:
        super().__init__("nextToken: is not valid")


class FisResponse(FISResponse):
    """One request."""

    @property
    def fis_backend(self) -> RehearsedFis:
        """This account's FIS in this region."""
        backend = fis_backends[self.current_account][self.region]
        assert isinstance(backend, RehearsedFis)  # noqa: S101 - `install` has seen to it
        return backend

    def _dispatch(self, request: Request, full_url: str | None = None, headers: Any = None) -> Any:
        with TURN:
            return super()._dispatch(request, full_url, headers)

    def create_experiment_template(self) -> str:
        """CreateExperimentTemplate."""
        _checked(fis_template.read, self._body())
        return self._with_defaults(json.loads(super().create_experiment_template()))

    def update_experiment_template(self) -> str:
        """UpdateExperimentTemplate: what it would become must be a template too."""
        changes = self._body()
        shown = self.fis_backend.get_experiment_template(self._get_param("id"))
        _checked(fis_template.read, body_of(shown) | changes)
        fixed: list[str] = [key for key in ("tags", "clientToken") if key in changes]
        if "accountTargeting" in changes.get("experimentOptions", {}):
            fixed.append("experimentOptions.accountTargeting")
        if fixed:
            raise ValidationError("; ".join(f"{path}: cannot be changed here" for path in fixed))
        return super().update_experiment_template()

    def start_experiment(self) -> str:
        """StartExperiment."""
        _checked(fis_template.read_start, self._body())
        return super().start_experiment()

    def get_safety_lever(self) -> str:
        """GetSafetyLever."""
        return json.dumps({"safetyLever": self.fis_backend.safety_lever(self._get_param("id"))})

    def update_safety_lever_state(self) -> str:
        """UpdateSafetyLeverState."""
        state = self._body().get("state", {})
        if state.get("status") not in STATUSES or not isinstance(state.get("reason"), str):
            raise ValidationError("state: must have a reason, and a status: engaged or disengaged")
        lever = self.fis_backend.update_safety_lever_state(
            self._get_param("id"), state["status"], state["reason"]
        )
        return json.dumps({"safetyLever": lever})

    def list_actions(self) -> str:
        """ListActions: those that the rehearsal performs."""
        actions, token = self._all_actions(
            max_results=self._get_int_param("maxResults"), next_token=self._get_param("nextToken")
        )
        shown = [{key: value for key, value in one.items() if key != "parameters"} for one in actions]
        return json.dumps({"actions": shown} | ({"nextToken": token} if token else {}))

    def get_action(self) -> str:
        """GetAction."""
        if (known := ACTIONS.get(self._get_param("id"))) is None:
            raise ResourceNotFoundException(f"The rehearsal knows no action {self._get_param('id')}")
        return json.dumps({"action": self._action(known)})

    def list_target_resource_types(self) -> str:
        """ListTargetResourceTypes: those that the rehearsal finds."""
        types = [{"resourceType": one, "description": text} for one, text in RESOURCE_TYPES.items()]
        return json.dumps({"targetResourceTypes": types})

    def get_target_resource_type(self) -> str:
        """GetTargetResourceType."""
        type_id = self._get_param("resourceType")
        if type_id not in RESOURCE_TYPES:
            raise ResourceNotFoundException(f"The rehearsal knows no resource type {type_id}")
        shown = {"resourceType": type_id, "description": RESOURCE_TYPES[type_id], "parameters": {}}
        return json.dumps({"targetResourceType": shown})

    @paginate(PAGES)
    def _all_actions(self) -> list[dict[str, Any]]:
        return [self._action(known) for known in ACTIONS.values()]

    def _action(self, known: KnownAction) -> dict[str, Any]:
        return {
            "id": known.id,
            "arn": f"arn:{get_partition(self.region)}:fis:{self.region}:aws:action/{known.id}",
            "description": known.description,
            "targets": {key: {"resourceType": type_id} for key, type_id in known.targets.items()},
            "parameters": {
                name: {"description": one.description, "required": one.required}
                for name, one in known.parameters.items()
            },
            "tags": {},
        }

    def _body(self) -> dict[str, Any]:
        try:
            body = json.loads(self.body or "{}")
        except json.JSONDecodeError as error:
            raise ValidationError(f"the request is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise ValidationError("the request is not a JSON object")
        return body

    def _with_defaults(self, answer: dict[str, Any]) -> str:
        """AWS shows the options that count, also those that were not given."""
        options = fis_template.Options().model_dump(by_alias=True)
        kept = self.fis_backend.experiment_templates[answer["experimentTemplate"]["id"]]
        kept.experiment_options = options | (kept.experiment_options or {})
        answer["experimentTemplate"]["experimentOptions"] = kept.experiment_options
        return json.dumps(answer)


def _checked(read: Callable[[dict[str, Any]], Body], body: dict[str, Any]) -> Body:
    try:
        return read(body)
    except RefusedError as error:
        raise ValidationError(str(error)) from None
