"""All that is wrong with what is asked for: the document, and the options beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaoslib.types import Dry, Strategy

from chaos_engine.toolkit.experiment_checks import check_experiment
from chaos_engine.toolkit.findings import Findings, Problem
from chaos_engine.toolkit.loading import Loaded
from chaos_engine.toolkit.spec import ROLLBACK_STRATEGIES, Spec
from chaos_engine.toolkit.strategies import Strategies, strategies_of
from chaos_engine.toolkit.variable_checks import check_variables

HYPOTHESIS_STRATEGIES = (
    "default", "before-method-only", "after-method-only", "during-method-only", "continuously", "skip",
)  # fmt: skip


def problems_of(spec: Spec, loaded: Loaded) -> list[Problem]:
    """What keeps it from running."""
    findings = Findings()
    check_document(findings, spec, loaded)
    return findings.problems


def check_document(findings: Findings, spec: Spec, loaded: Loaded) -> Strategies:
    """Returns the strategies it would run by."""
    check_experiment(findings, loaded.experiment, spec.source, strict=spec.strict)
    check_variables(findings, loaded.experiment, loaded.variables, strict=spec.strict)
    return check_strategies(findings, spec, loaded)


def check_strategies(findings: Findings, spec: Spec, loaded: Loaded) -> Strategies:
    """chaoslib raises for an unknown one of the hypothesis, and takes one of the rollbacks for `never`."""
    try:
        strategies = strategies_of(spec, loaded.settings, loaded.experiment)
    except (AttributeError, TypeError):
        findings.problem("runtime", "must be a mapping, and so must its parts")
        return Strategies("default", "default")
    if not isinstance(strategies.hypothesis, str) or not known(Strategy, strategies.hypothesis):
        findings.problem("runtime.hypothesis.strategy", none_of(strategies.hypothesis, HYPOTHESIS_STRATEGIES))
    if strategies.rollbacks not in ROLLBACK_STRATEGIES:
        tell = findings.warning if spec.strict else findings.problem
        tell("runtime.rollbacks.strategy", none_of(strategies.rollbacks, ROLLBACK_STRATEGIES))
    return strategies


def check_options(findings: Findings, spec: Spec) -> None:
    """What is no part of the document."""
    if spec.dry is not None and not known(Dry, spec.dry):
        findings.problem("dry", none_of(spec.dry, tuple(dry.value for dry in Dry)))
    for key, paths in (("var_file", spec.var_file), ("control_file", spec.control_file)):
        for index, path in enumerate(paths):
            if not Path(path).is_file():
                findings.problem(f"{key}[{index}]", f"Path '{path}' does not exist.")
    if spec.settings is not None and not Path(spec.settings).exists():
        findings.warning("settings", f"there is no {spec.settings}: no settings are used")


def known(kind: Any, word: str) -> bool:
    """Whether chaoslib takes it."""
    try:
        kind.from_string(word)
    except ValueError:
        return False
    return True


def none_of(word: object, words: tuple[str, ...]) -> str:
    """The value, and what is allowed."""
    return f"'{word}' is none of {', '.join(words)}"
