"""`check`: a list of specs on stdin; what is wrong with each, and what it holds, as one JSON document."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from chaoslib import convert_vars, merge_vars
from chaoslib.control import load_global_controls
from chaoslib.settings import CHAOSTOOLKIT_CONFIG_PATH, load_settings

from chaos_engine.toolkit.findings import Findings, listening
from chaos_engine.toolkit.loading import Loaded, Refused, document_of
from chaos_engine.toolkit.places import HYPOTHESIS, activities, referred
from chaos_engine.toolkit.problems import check_document, check_options
from chaos_engine.toolkit.spec import Spec, spec_of
from chaos_engine.toolkit.strategies import Strategies

Document = Mapping[str, Any]


def main(_arguments: list[str]) -> int:
    """Modules are imported, and may print: stdout is for the answer alone."""
    answer = os.dup(1)
    os.dup2(2, 1)
    found = [checked(spec_of(asked)) for asked in json.load(sys.stdin)]
    with open(answer, "w", encoding="utf-8") as stdout:  # noqa: PTH123 - it is open already
        json.dump(found, stdout)
    return 0


def checked(spec: Spec) -> dict[str, Any]:
    """One of them; what its `.env` files set is gone again."""
    environment = dict(os.environ)
    try:
        return described(spec)
    finally:
        for key in set(os.environ) - set(environment):
            del os.environ[key]
        os.environ.update(environment)


def described(spec: Spec) -> dict[str, Any]:
    """As it would run."""
    findings = Findings()
    check_options(findings, spec)
    settings = load_settings(spec.settings or CHAOSTOOLKIT_CONFIG_PATH) or {}
    variables = variables_of(findings, spec)
    strategies, experiment = Strategies("default", "default"), {}
    try:
        with listening():
            load_global_controls(settings, [path for path in spec.control_file if os.path.isfile(path)])  # noqa: PTH113
            experiment = document_of(spec, settings)
        strategies = check_document(findings, spec, Loaded(settings, variables, experiment))
    except Refused as refused:
        for problem in refused.problems:
            findings.problem(**problem)
    return {
        "problems": findings.problems,
        "warnings": findings.warnings,
        **contents(experiment),
        "strategies": {"hypothesis": strategies.hypothesis, "rollbacks": strategies.rollbacks},
    }


def variables_of(findings: Findings, spec: Spec) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each that can be read; what is wrong with the others."""
    given: dict[str, Any] = {}
    for index, var in enumerate(spec.var):
        if findings.ask(f"var[{index}]", convert_vars, [var]):
            given.update(convert_vars([var]))
    configuration, secrets = {}, {}
    for index, path in enumerate(spec.var_file):
        if os.path.isfile(path) and findings.ask(f"var_file[{index}]", merge_vars, {}, [path]):  # noqa: PTH113
            with listening():
                more = merge_vars({}, [path])
            configuration.update(more[0])
            secrets.update(more[1])
    return {**configuration, **given}, secrets


def contents(experiment: Document) -> dict[str, Any]:
    """What it holds: the method's actions and probes, and whether there are rollbacks and a hypothesis."""
    method = [referred(activity, experiment) for _, activity in activities(experiment, "method")]
    kinds = [activity.get("type") for activity in method]
    return {
        "title": str(experiment.get("title") or ""),
        "actions": kinds.count("action"),
        "probes": kinds.count("probe"),
        "rollbacks": len(list(activities(experiment, "rollbacks"))),
        "hypothesis": bool(list(activities(experiment, HYPOTHESIS))),
    }
