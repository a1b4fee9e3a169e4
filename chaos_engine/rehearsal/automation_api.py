"""StartAutomationExecution and the rest of the API, for boto3 and the command line of AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.exceptions import InvalidDocument, SSMException, ValidationException
from moto.ssm.models import Document
from moto.sts.models import sts_backends

from chaos_engine.rehearsal import automation_start as start
from chaos_engine.rehearsal.automation_calls import api_inputs
from chaos_engine.rehearsal.automation_checks import checked
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_fleet import Fleet
from chaos_engine.rehearsal.automation_lists import page_of_automations, page_of_steps
from chaos_engine.rehearsal.automation_model import Launch
from chaos_engine.rehearsal.automation_view import Automation, full
from chaos_engine.rehearsal.ssm_base import Ssm, new_id, refusing
from chaos_engine.rehearsal.ssm_instances import targeted
from chaos_engine.rehearsal.ssm_pages import UnknownKeyError, UnknownTokenError

Asked = dict[str, Any]
_PARAMETERS = "InvalidAutomationExecutionParametersException"
_TOKEN = re.compile(r"[a-fA-F0-9]{8}-([a-fA-F0-9]{4}-){3}[a-fA-F0-9]{12}")


class AutomationApi(Ssm):
    """Automations of the caller's account and region."""

    def start_automation_execution(self) -> ActionResult:
        """Pending, until the next tick. The same ClientToken starts nothing twice."""
        asked = self.asked()
        with refusing("ValidationException"):
            start.check_rehearsed(asked)
        with self.world.lock:
            return ActionResult({"AutomationExecutionId": self._known(asked) or self._started(asked)})

    def get_automation_execution(self) -> ActionResult:
        """With all its steps."""
        with self.world.lock:
            automation = self._one()
            children = self.automations().children(automation)
            return ActionResult({"AutomationExecution": full(automation, children)})

    def describe_automation_executions(self) -> ActionResult:
        """Newest first."""
        asked = self.asked()
        with self.world.lock, _filtering():
            return ActionResult(page_of_automations(self.automations().newest_first(), asked))

    def describe_automation_step_executions(self) -> ActionResult:
        """In the order of their starts; those that have not started are last."""
        with self.world.lock, _filtering():
            automation = self._one()
            children = self.automations().children(automation)
            return ActionResult(page_of_steps(automation, children, self.asked()))

    def stop_automation_execution(self) -> ActionResult:
        """Cancel (also when nothing is said), or Complete."""
        kind = self.asked().get("Type", "Cancel")
        if kind not in ("Cancel", "Complete"):
            raise ValidationException(f"Type {kind!r}; allowed: Cancel, Complete")
        with self.world.lock, refusing("InvalidAutomationStatusUpdateException"):
            self.automations().stop(self._one().launch.id, kind, self.now())
        return EmptyResult()

    def send_automation_signal(self) -> ActionResult:
        """Always refused."""
        self._one()
        raise SSMException("InvalidAutomationSignalException", "signals are not rehearsed")

    def list_tags_for_resource(self) -> ActionResult:
        """Automations' own tags; everything else is moto's."""
        asked = self.asked()
        if asked.get("ResourceType") != "Automation":
            return super().list_tags_for_resource()
        tags = self._one(asked["ResourceId"]).launch.tags
        return ActionResult({"TagList": [{"Key": key, "Value": value} for key, value in tags]})

    def _one(self, id_: str | None = None) -> Automation:
        id_ = id_ or str(self.asked().get("AutomationExecutionId", ""))
        try:
            return self.automations()[id_]
        except KeyError:
            said = f"there is no automation execution {id_}"
            raise SSMException("AutomationExecutionNotFoundException", said) from None

    def _known(self, asked: Asked) -> str | None:
        token = asked.get("ClientToken")
        if token is None:
            return None
        if not _TOKEN.fullmatch(token):
            raise ValidationException(f"ClientToken {token!r} is not a UUID")
        request, id_ = self.automations().tokens.get(token.lower(), (asked, None))
        if request != asked:
            raise SSMException(
                "IdempotentParameterMismatch", "the ClientToken was used with other parameters"
            )
        return id_

    def _started(self, asked: Asked) -> str:
        document = self._runbook(asked)
        launch = self._launch(asked, document)
        if asked.get("Targets") or asked.get("TargetParameterName"):
            self.automations().begin_fleet(self._fleet(asked, launch))
        else:
            with refusing(_PARAMETERS):
                self.automations().begin(start.valued(launch), new_id)
        if token := asked.get("ClientToken"):
            self.automations().tokens[token.lower()] = (asked, launch.id)
        return launch.id

    def _runbook(self, asked: Asked) -> Document:
        name, version = asked["DocumentName"], asked.get("DocumentVersion")
        try:
            document = self.document(name, None)
        except InvalidDocument:
            raise _no_definition(f"there is no document {name}") from None
        if document.document_type != "Automation":
            raise _no_definition(f"the document {name} is of type {document.document_type}, not Automation")
        try:
            return self.document(name, version)
        except InvalidDocument:
            said = f"the document {name} has no version {version}"
            raise SSMException("AutomationDefinitionVersionNotFoundException", said) from None

    def _launch(self, asked: Asked, document: Document) -> Launch:
        with refusing("AutomationDefinitionNotFoundException"):
            runbook = checked(json.loads(json.dumps(document.content_json, default=str)), api_inputs)
        identity = sts_backends[self.current_account][self.partition]
        _, caller, _ = identity.get_caller_identity(self.access_key, self.region)
        return Launch(
            id=new_id(),
            document=document.name,
            version=document.document_version,
            runbook=runbook,
            given=asked.get("Parameters", {}),
            values={},
            at=self.now(),
            by=caller,
            account=self.current_account,
            region=self.region,
            partition=self.partition,
            tags=tuple((tag["Key"], tag["Value"]) for tag in asked.get("Tags", [])),
        )

    def _fleet(self, asked: Asked, launch: Launch) -> Fleet:
        with refusing(_PARAMETERS):
            target = start.target(asked, launch)
        with refusing("InvalidTarget"):
            found = self._target_values(target)
        with refusing(_PARAMETERS):
            return start.fleet(asked, launch, found)

    def _target_values(self, target: Mapping[str, Any]) -> list[str]:
        if target["Key"] == "ParameterValues":
            found = [str(value) for value in target.get("Values", [])]
        else:
            found = list(targeted(self.current_account, self.region, target))
        if not found:
            raise RefusedError(f"nothing matches the target {target['Key']}={target.get('Values', [])}")
        return found


def _no_definition(said: str) -> SSMException:
    return SSMException("AutomationDefinitionNotFoundException", said)


@contextmanager
def _filtering() -> Iterator[None]:
    """Unknown keys, wrong values and wrong tokens, each as its own error."""
    try:
        yield
    except UnknownKeyError as error:
        raise SSMException("InvalidFilterKey", str(error)) from None
    except UnknownTokenError as error:
        raise SSMException("InvalidNextToken", str(error)) from None
    except RefusedError as error:
        raise SSMException("InvalidFilterValue", str(error)) from None
