"""moto's FIS backend, with experiments of our own in it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from threading import RLock
from typing import Any, ClassVar

from moto.core.exceptions import JsonRESTError
from moto.fis import urls
from moto.fis.exceptions import ResourceNotFoundException
from moto.fis.models import FISBackend
from moto.utilities.id_generator import TAG_KEY_CUSTOM_ID
from moto.utilities.tagging_service import TaggingService

from chaos_engine.rehearsal import fis_course as courses
from chaos_engine.rehearsal import fis_template
from chaos_engine.rehearsal.fis_experiment import Experiment

# One at a time: a request, or the ticker's step. Requests call no other service while they have it.
TURN = RLock()
LEVER = "default"
LEVER_IS_ENGAGED = "The safety lever is engaged"


class ConflictError(JsonRESTError):
    """409."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ConflictException", message)


@dataclass
class Lever:
    """The safety lever of one account and region."""

    engaged: bool = False
    reason: str = ""


class RehearsedFis(FISBackend):
    """One account's FIS in one region. Templates, tags, account configurations and pages are moto's."""

    clock: ClassVar[Callable[[], float]] = time.time

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lever = Lever()
        self.running: dict[str, Experiment] = self.experiments  # type: ignore[assignment] # ours alone

    @property
    def _url_module(self) -> Any:
        return urls  # moto looks for it beside the class, which is here

    def tick(self, now: float) -> None:
        """One step of each experiment."""
        for experiment in self.running.values():
            if not experiment.course.over:
                experiment.tick(now)

    def create_experiment_template(  # type: ignore[override] # moto's responses name each argument
        self, *, tags: dict[str, str] | None = None, **body: Any
    ) -> dict[str, Any]:
        """ExperimentTemplate; the tag `_custom_id_` chooses its id, so that settings can name it."""
        chosen = (tags or {}).get(TAG_KEY_CUSTOM_ID)
        known = self._client_token_to_template_id.get(body.get("client_token") or "")
        if chosen in self.experiment_templates and known != chosen:
            raise ConflictError(f"There is an experiment template {chosen} already")
        made = super().create_experiment_template(tags=tags, **body)
        if chosen and made["id"] != chosen and not known:
            self._rename(made["id"], chosen)
            return self.get_experiment_template(chosen)
        return made

    def _rename(self, id: str, chosen: str) -> None:  # noqa: A002
        template = self.experiment_templates.pop(id)
        tags = self.tagger.get_tag_dict_for_resource(template.arn)
        self.tagger.delete_all_tags_for_resource(template.arn)
        template.id = chosen
        self.experiment_templates[chosen] = template
        self._client_token_to_template_id[template.client_token] = chosen
        self.tagger.tag_resource(template.arn, TaggingService.convert_dict_to_tags_input(tags))

    def start_experiment(
        self,
        client_token: str | None,
        experiment_template_id: str,
        experiment_options: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Experiment; the same token gives the same one. Under an engaged safety lever it is cancelled."""
        if known := self._client_token_to_experiment_id.get(client_token or ""):
            if self.running[known].experiment_template_id != experiment_template_id:
                raise ConflictError("The client token was used for another experiment template")
            return self._shown(self.running[known])
        mode = (experiment_options or {}).get("actionsMode", "run-all")
        experiment = self._planned(experiment_template_id, mode)
        self.running[experiment.id] = experiment
        if client_token:
            self._client_token_to_experiment_id[client_token] = experiment.id
        if tags:
            self.tagger.tag_resource(experiment.arn, TaggingService.convert_dict_to_tags_input(tags))
        if self.lever.engaged:
            experiment.course = courses.cancelled(experiment.course, self._now(), LEVER_IS_ENGAGED)
        return self._shown(experiment)

    def get_experiment(self, id: str) -> dict[str, Any]:  # noqa: A002 - the API's own word
        """Experiment."""
        return self._shown(self._experiment(id))

    def stop_experiment(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Experiment. One that is over stays as it is."""
        experiment = self._experiment(id)
        experiment.course = courses.stopped(experiment.course, "Experiment stopped by request.")
        return self._shown(experiment)

    def safety_lever(self, id: str) -> dict[str, Any]:  # noqa: A002
        """SafetyLever: `engaging` while experiments are still stopping."""
        if id != LEVER:
            raise ResourceNotFoundException(f"Safety lever {id} does not exist")
        still = any(not one.course.over for one in self.running.values())
        engaged = "engaging" if still else "engaged"
        return {
            "id": LEVER,
            "arn": self._arn("safety-lever", LEVER),
            "state": {"status": engaged if self.lever.engaged else "disengaged", "reason": self.lever.reason},
        }

    def update_safety_lever_state(self, id: str, status: str, reason: str) -> dict[str, Any]:  # noqa: A002
        """SafetyLever. Engaging it stops what runs, and lets nothing start."""
        self.safety_lever(id)
        if self.lever.engaged == (status == "engaged"):
            raise ConflictError(f"The safety lever is already {status}")
        self.lever = Lever(status == "engaged", reason)
        if self.lever.engaged:
            for one in self.running.values():
                one.course = courses.stopped(one.course, f"{LEVER_IS_ENGAGED}: {reason}")
        return self.safety_lever(id)

    def _planned(self, template_id: str, mode: str) -> Experiment:
        if template_id not in self.experiment_templates:
            raise ResourceNotFoundException(f"Experiment template {template_id} does not exist")
        kept = self.experiment_templates[template_id]
        id = f"EXP{uuid.uuid4().hex[:19]}"  # noqa: A001
        return Experiment(
            id=id,
            arn=self._arn("experiment", id),
            experiment_template_id=template_id,
            account=self.account_id,
            region=self.region_name,
            template=fis_template.read(deepcopy(body_of(kept.to_dict()))),
            actions_mode=mode,
            created=self._now(),
            target_account_configurations=dict(kept.target_account_configurations),
        )

    def _experiment(self, id: str) -> Experiment:  # noqa: A002
        if id not in self.running:
            raise ResourceNotFoundException(f"Experiment {id} does not exist")
        return self.running[id]

    def _shown(self, experiment: Experiment) -> dict[str, Any]:
        return experiment.to_dict(self.tagger.get_tag_dict_for_resource(experiment.arn))

    def _arn(self, kind: str, id: str) -> str:  # noqa: A002
        return f"arn:{self.partition}:fis:{self.region_name}:{self.account_id}:{kind}/{id}"

    def _now(self) -> float:
        return type(self).clock()


def body_of(shown: dict[str, Any]) -> dict[str, Any]:
    """What CreateExperimentTemplate was given, of what GetExperimentTemplate shows."""
    added = ("id", "arn", "creationTime", "lastUpdateTime", "tags", "targetAccountConfigurationsCount")
    return {key: value for key, value in shown.items() if key not in added}
