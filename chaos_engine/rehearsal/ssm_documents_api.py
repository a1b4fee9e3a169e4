"""Documents: moto keeps them; a runbook is checked before moto takes it, and AWS's own are left alone."""

from __future__ import annotations

import json
from typing import Any

import yaml
from moto.core.responses import ActionResult
from moto.ssm.exceptions import AccessDeniedException, SSMException

from chaos_engine.rehearsal.automation_calls import api_inputs
from chaos_engine.rehearsal.automation_checks import checked
from chaos_engine.rehearsal.ssm_base import Ssm, refusing
from chaos_engine.rehearsal.ssm_owned import OWNED


class DocumentsApi(Ssm):
    """CreateDocument, UpdateDocument, DeleteDocument."""

    def create_document(self) -> ActionResult:
        """InvalidDocumentContent names what is wrong in a runbook."""
        asked = self.asked()
        if asked.get("DocumentType") == "Automation":
            _check_runbook(asked)
        return super().create_document()

    def update_document(self) -> ActionResult:
        """As CreateDocument."""
        asked = self.asked()
        _not_owned(asked["Name"])
        if self.document(asked["Name"], "$LATEST").document_type == "Automation":
            _check_runbook(asked)
        return super().update_document()

    def delete_document(self) -> ActionResult:
        """Not one that AWS owns."""
        _not_owned(self.asked()["Name"])
        return super().delete_document()


def parsed_content(content: Any, document_format: str) -> object:
    """JSON or YAML as plain data: YAML's dates become text. InvalidDocumentContent says where it is torn."""
    try:
        read = json.loads(content) if document_format == "JSON" else yaml.safe_load(content)
    except (ValueError, TypeError, yaml.YAMLError) as error:
        raise SSMException(
            "InvalidDocumentContent", f"the content is not {document_format}: {error}"
        ) from None
    return json.loads(json.dumps(read, default=str))


def _check_runbook(asked: dict[str, Any]) -> None:
    content = parsed_content(asked.get("Content"), asked.get("DocumentFormat", "JSON"))
    with refusing("InvalidDocumentContent"):
        checked(content, api_inputs)


def _not_owned(name: str) -> None:
    if name in OWNED:
        raise AccessDeniedException(f"the document {name} belongs to Amazon")
