"""chaoslib's checks of an experiment, part by part: all that is wrong, not the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chaoslib.control import validate_controls
from chaoslib.deprecation import warn_about_deprecated_features
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.hypothesis import ensure_hypothesis_is_valid, ensure_hypothesis_tolerance_is_valid

from chaos_engine.toolkit.activity_checks import check_activity
from chaos_engine.toolkit.findings import Findings
from chaos_engine.toolkit.places import HYPOTHESIS, activities

Document = Mapping[str, Any]
_GOOD = {"title": "it", "description": "it", "method": []}
_TOLERANCE = (
    ("pattern", "pattern"),
    ("JSON path", "path"),
    ("jsonpath", "path"),
    ("range", "range"),
    ("type '", "type"),
)


def check_experiment(findings: Findings, experiment: Document, source: str, *, strict: bool) -> None:
    """Everything but configuration, secrets and what refers to them."""
    check_head(findings, experiment)
    check_hypothesis(findings, experiment, source)
    for section in ("method", "rollbacks"):
        for index, activity in enumerate(listed(findings, experiment, section)):
            check_activity(findings, f"{section}[{index}]", activity, source)
    check_refs(findings, experiment, strict=strict)
    check_controls(findings, experiment)
    if not findings.problems:
        findings.ask("", warn_about_deprecated_features, experiment)


def check_head(findings: Findings, experiment: Document) -> None:
    """Title, description, tags, extensions; and that there is a method."""
    for key in ("title", "description"):
        findings.ask(key, ensure_experiment_is_valid, {**_GOOD, key: experiment.get(key)})
    if experiment.get("method") is None:
        findings.ask("method", ensure_experiment_is_valid, {"title": "it", "description": "it"})
    findings.ask("tags", ensure_experiment_is_valid, {**_GOOD, "tags": experiment.get("tags")})
    for index, extension in enumerate(listed(findings, experiment, "extensions")):
        path = f"extensions[{index}]"
        findings.ask(path, ensure_experiment_is_valid, {**_GOOD, "extensions": [extension]})


def check_hypothesis(findings: Findings, experiment: Document, source: str) -> None:
    """Its title, its probes, their tolerances."""
    hypothesis = experiment.get(HYPOTHESIS)
    if hypothesis is None:
        return
    if not isinstance(hypothesis, Mapping):
        findings.problem(HYPOTHESIS, "a hypothesis is a mapping")
        return
    titled = {HYPOTHESIS: {"title": hypothesis.get("title")}}
    findings.ask(f"{HYPOTHESIS}.title", ensure_hypothesis_is_valid, titled)
    for index, probe in enumerate(listed(findings, hypothesis, "probes", HYPOTHESIS)):
        path = f"{HYPOTHESIS}.probes[{index}]"
        check_activity(findings, path, probe, source)
        if isinstance(probe, Mapping):
            check_tolerance(findings, f"{path}.tolerance", probe, source)


def check_tolerance(findings: Findings, path: str, probe: Document, source: str) -> None:
    """A probe of a hypothesis must have one."""
    if "tolerance" not in probe:
        findings.ask(
            path, ensure_hypothesis_is_valid, {HYPOTHESIS: {"title": "it", "probes": [{"ref": "it"}]}}
        )
        return
    tolerance = probe["tolerance"]
    if isinstance(tolerance, Mapping) and tolerance.get("type") == "probe":
        check_activity(findings, path, tolerance, source)
        return
    text = findings.said(path, ensure_hypothesis_tolerance_is_valid, tolerance)
    part = next((part for said, part in _TOLERANCE if isinstance(tolerance, Mapping) and said in text), "")
    if text:
        findings.problem(f"{path}.{part}" if part else path, text)


def check_refs(findings: Findings, experiment: Document, *, strict: bool) -> None:
    """chaoslib looks at those of the method alone; the others would end the run when their turn comes."""
    names = {named.get("name") for _, named in activities(experiment, HYPOTHESIS, "method")}
    for path, activity in activities(experiment, HYPOTHESIS, "method", "rollbacks"):
        ref = activity.get("ref")
        if not isinstance(ref, str) or not ref or ref in names:
            continue
        if path.startswith("method"):
            findings.ask(f"{path}.ref", ensure_experiment_is_valid, {**_GOOD, "method": [{"ref": ref}]})
        else:
            tell = findings.warning if strict else findings.problem
            tell(f"{path}.ref", f"referenced activity '{ref}' could not be found in the experiment")


def check_controls(findings: Findings, experiment: Document) -> None:
    """Wherever they are."""
    found = list(controls_in(findings, experiment))
    names = {control.get("name") for _, control in found if "ref" not in control}
    for path, control in found:
        if "ref" in control and control["ref"] in names:
            control = {key: value for key, value in control.items() if key != "ref"}  # noqa: PLW2901
        findings.ask(path, validate_controls, {"controls": [control]})


def controls_in(findings: Findings, experiment: Document) -> Iterator[tuple[str, Document]]:
    """With their paths."""
    owners = [("", experiment), *activities(experiment, HYPOTHESIS, "method", "rollbacks")]
    hypothesis = experiment.get(HYPOTHESIS)
    if isinstance(hypothesis, Mapping):
        owners.insert(1, (HYPOTHESIS, hypothesis))
    for path, owner in owners:
        for index, control in enumerate(listed(findings, owner, "controls", path)):
            where = f"{path}.controls[{index}]".lstrip(".")
            if isinstance(control, Mapping):
                yield where, control
            else:
                findings.problem(where, "a control is a mapping")


def listed(findings: Findings, owner: Document, key: str, path: str = "") -> list[Any]:
    """A list, or none and a problem."""
    value = owner.get(key)
    if isinstance(value, list):
        return value
    if value is not None:
        findings.problem(f"{path}.{key}".lstrip("."), "must be a list")
    return []
