"""Pure: how SSM's documents are told what to do, and on what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from chaos_engine.cloud import CloudError
from scenarios.aws import Reached, RefusedError, RunParameters
from scenarios.base import Parameters


class Selection(Parameters):
    """One of SSM's Targets, such as `{key: "tag:Name", values: [web]}`."""

    key: str = Field(min_length=1)
    values: tuple[str, ...] = Field(min_length=1)


class DocumentParameters(RunParameters):
    """`document`: its name; `version`: the default one where it says none.

    `parameters` are the document's own. `resources`: what it acts on; a resource in any of them counts.
    `max_concurrency` at once, `max_errors` before no more are begun: numbers or percentages.
    """

    document: str = Field(min_length=1)
    version: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    resources: tuple[Selection, ...] = ()
    max_concurrency: str | None = None
    max_errors: str | None = None


def check_document(aws: Reached, parameters: DocumentParameters, kind: str) -> None:
    """RefusedError: there is no such document, or it is not of that kind (`Automation`, `Command`)."""
    version = {} if parameters.version is None else {"DocumentVersion": parameters.version}
    try:
        found = aws.call("ssm", "describe_document", Name=parameters.document, **version)["Document"]
    except CloudError as error:
        raise RefusedError(f"document {parameters.document}: {error.code}: {error}") from error
    if found.get("DocumentType") != kind:
        text = f"document {parameters.document} is of type {found.get('DocumentType')}; allowed: {kind}"
        raise RefusedError(text)


def written(parameters: DocumentParameters) -> dict[str, Any]:
    """Version, parameters, targets and rates as SSM takes them: every value is a list of texts."""
    given = {
        "DocumentVersion": parameters.version,
        "Parameters": {name: texts(value) for name, value in parameters.parameters.items()},
        "Targets": [{"Key": s.key, "Values": list(s.values)} for s in parameters.resources],
        "MaxConcurrency": parameters.max_concurrency,
        "MaxErrors": parameters.max_errors,
    }
    return {key: value for key, value in given.items() if value}


def texts(value: object) -> list[str]:
    """A value, or several."""
    if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)):
        return [_text(item) for item in value]
    return [_text(value)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)  # true, 30, {"a": 1}


def plain_name(document: str) -> str:
    """A shared document is named by its ARN, and listed by its name."""
    return document.rsplit("/", 1)[-1]
