"""What `chaos run` does before anything runs: settings, variables, global controls, the document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from chaoslib import convert_vars, merge_vars
from chaoslib.control import controls, load_global_controls
from chaoslib.exceptions import ChaosException
from chaoslib.loader import load_experiment
from chaoslib.settings import CHAOSTOOLKIT_CONFIG_PATH, load_settings

from chaos_engine.toolkit.spec import Spec

Problem = dict[str, str]


class Refused(Exception):  # noqa: N818 - it is an answer
    """Nothing was done."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p['path']}: {p['text']}" for p in problems))
        self.problems = problems


@dataclass(frozen=True)
class Loaded:
    """`variables`: of the configuration, and of the secrets."""

    settings: dict[str, Any]
    variables: tuple[dict[str, Any], dict[str, Any]]
    experiment: dict[str, Any]


def load(spec: Spec) -> Loaded:
    """Raises `Refused`."""
    settings = load_settings(spec.settings or CHAOSTOOLKIT_CONFIG_PATH) or {}
    variables = variables_of(spec)
    load_global_controls(settings, list(spec.control_file))
    return Loaded(settings, variables, document_of(spec, settings))


def variables_of(spec: Spec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Also puts what is in `.env` files into the environment."""
    try:
        var = convert_vars(list(spec.var))
    except ValueError as error:
        raise Refused([{"path": "var", "text": str(error)}]) from error
    configuration, secrets = merge_vars(var, list(spec.var_file))
    return configuration, secrets


def document_of(spec: Spec, settings: dict[str, Any]) -> dict[str, Any]:
    """As it was armed, or as it is at its source now. Controls see it either way."""
    if spec.experiment is None:
        return mapping(read_source(spec, settings))
    with controls(level="loader", context=spec.source) as control:
        control.with_state(spec.experiment)
    return mapping(spec.experiment)


def read_source(spec: Spec, settings: dict[str, Any]) -> Any:
    """A file or an address."""
    try:
        return load_experiment(spec.source, settings, verify_tls=not spec.no_verify_tls)
    except json.JSONDecodeError as error:
        raise Refused([{"path": "", "text": f"this is no JSON: {error}"}]) from error
    except (ChaosException, OSError, ValueError) as error:
        raise Refused([{"path": "", "text": str(error)}]) from error


def mapping(document: Any) -> dict[str, Any]:
    """An experiment is one."""
    if isinstance(document, dict):
        return document
    kind = {list: "a list", type(None): "nothing"}.get(type(document), f"{type(document).__name__}")
    raise Refused([{"path": "", "text": f"an experiment is a mapping, and this is {kind}"}])
