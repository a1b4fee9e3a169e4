"""What a runbook may not say. It is refused by name when it is created, not when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chaos_engine.rehearsal import automation_branch as branch
from chaos_engine.rehearsal.automation_actions import ACTIONS, NOT_AFTER_CANCEL, STATES, Action
from chaos_engine.rehearsal.automation_document import RefusedError, Runbook, Step, read, target_of
from chaos_engine.rehearsal.automation_selectors import parsed
from chaos_engine.rehearsal.automation_variables import GLOBALS, references
from chaos_engine.rehearsal.ssm_parameters import check_definition

# (service, operation) -> the operation's inputs. RefusedError when there is no such service or operation.
ApiInputs = Callable[[str, str], frozenset[str]]


def checked(content: object, api_inputs: ApiInputs) -> Runbook:
    """The runbook, or RefusedError with the first thing that is wrong."""
    runbook = read(content)
    for name, parameter in runbook.parameters.items():
        check_definition(name, parameter)
    _distinct(runbook)
    _rehearsed(runbook)
    for step in runbook.main_steps:
        _check_named(step, runbook, api_inputs)
    _references(runbook.assume_role, "assumeRole", runbook)
    for output in runbook.outputs:
        _known_output(output, "outputs", runbook)
    _no_circle(runbook)
    return runbook


def _distinct(runbook: Runbook) -> None:
    names = [step.name for step in runbook.main_steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RefusedError(f"step name {twice[0]} is used more than once")


def _rehearsed(runbook: Runbook) -> None:
    for step in runbook.main_steps:
        if step.action not in ACTIONS:
            known = ", ".join(sorted(ACTIONS))
            raise RefusedError(f"step {step.name}: action {step.action} is not rehearsed; allowed: {known}")


def _check_named(step: Step, runbook: Runbook, api_inputs: ApiInputs) -> None:
    try:
        _check_step(step, runbook, api_inputs)
    except RefusedError as error:
        raise RefusedError(f"step {step.name}: {error}") from None


def _check_step(step: Step, runbook: Runbook, api_inputs: ApiInputs) -> None:
    action = ACTIONS[step.action]
    _check_inputs(step, action, api_inputs)
    _check_outputs(step, action)
    _check_goals(step, runbook)
    for key, value in step.inputs.items():
        _references(value, f"inputs.{key}", runbook)


def _check_inputs(step: Step, action: Action, api_inputs: ApiInputs) -> None:
    if missing := sorted(action.needs - step.inputs.keys()):
        raise RefusedError(f"{step.action} needs the input {missing[0]}")
    unknown = step.inputs.keys() - action.needs - action.takes
    if action.calls:
        unknown -= _of_the_api(step, api_inputs)
    if unknown:
        raise RefusedError(f"unknown input {min(unknown)} for {step.action}")
    if special := _SPECIAL.get(step.action):
        special(step)


def _of_the_api(step: Step, api_inputs: ApiInputs) -> frozenset[str]:
    service, api = step.inputs["Service"], step.inputs["Api"]
    if any(references([service, api])):
        raise RefusedError("Service and Api are written out, not referred to")
    return api_inputs(str(service), str(api))


def _check_sleep(step: Step) -> None:
    if len(step.inputs) != 1:
        raise RefusedError("aws:sleep needs one of Duration and Timestamp")


def _check_property(step: Step) -> None:
    parsed(str(step.inputs["PropertySelector"]))
    desired = step.inputs["DesiredValues"]
    if not any(references(desired)) and (not isinstance(desired, list) or not desired):
        raise RefusedError("DesiredValues is a list with at least one value")


def _check_state(step: Step) -> None:
    desired = step.inputs["DesiredState"]
    if not any(references(desired)) and desired not in STATES:
        raise RefusedError(f"DesiredState {desired!r}; allowed: {', '.join(STATES)}")


_SPECIAL: dict[str, Callable[[Step], None]] = {
    "aws:sleep": _check_sleep,
    "aws:branch": lambda step: branch.check(step.inputs["Choices"]),
    "aws:waitForAwsResourceProperty": _check_property,
    "aws:assertAwsResourceProperty": _check_property,
    "aws:changeInstanceState": _check_state,
}


def _check_outputs(step: Step, action: Action) -> None:
    if step.outputs and not action.calls:
        raise RefusedError(f"{step.action} takes no outputs")
    for output in step.outputs:
        parsed(output.selector)


def _check_goals(step: Step, runbook: Runbook) -> None:
    names = {one.name for one in runbook.main_steps}
    for key, goal in _goals(step):
        if goal not in names:
            raise RefusedError(f"{key} names the step {goal}, which does not exist")
    cleanup = target_of(step.on_cancel)
    if cleanup and runbook.step(cleanup).action in NOT_AFTER_CANCEL:
        raise RefusedError(f"onCancel may not go to {cleanup}, which is {runbook.step(cleanup).action}")


def _goals(step: Step) -> Iterator[tuple[str, str]]:
    """Every step that this one names, with the key that names it."""
    if step.next_step:
        yield "nextStep", step.next_step
    for key, word in (("onFailure", step.on_failure), ("onCancel", step.on_cancel)):
        if name := target_of(word):
            yield key, name
    if step.action == "aws:branch":
        yield from (("Choices", name) for name in branch.targets(step.inputs["Choices"]))
        if default := step.inputs.get("Default"):
            yield "Default", str(default)


def _references(value: object, place: str, runbook: Runbook) -> None:
    for name in references(value):
        _known(name, place, runbook)


def _known(name: str, place: str, runbook: Runbook) -> None:
    space, colon, rest = name.partition(":")
    if colon:
        if (space == "global" and rest in GLOBALS) or name == "automation:EXECUTION_ID":
            return
        raise RefusedError(f"{place} refers to {name}, which is not rehearsed")
    if "." in name:
        _known_output(name, place, runbook)
    elif name not in runbook.parameters:
        raise RefusedError(f"{place} refers to the parameter {name}, which does not exist")


def _known_output(name: str, place: str, runbook: Runbook) -> None:
    step_name, _, output = name.partition(".")
    try:
        step = runbook.step(step_name)
    except KeyError:
        raise RefusedError(f"{place} refers to {name}; there is no step {step_name}") from None
    if output not in {one.name for one in step.outputs} | ACTIONS[step.action].gives:
        raise RefusedError(f"{place} refers to {name}; step {step_name} has no output {output}")


def _no_circle(runbook: Runbook) -> None:
    """AWS, too, "verifies that the runbook doesn't create an infinite loop", and gives a circle trace."""
    ways = {step.name: _ways(step, runbook) for step in runbook.main_steps}
    for name in ways:
        if trace := _circle(name, ways):
            raise RefusedError(f"the steps go in a circle: {' -> '.join(trace)}")


def _ways(step: Step, runbook: Runbook) -> tuple[str, ...]:
    named = [goal for _, goal in _goals(step)]
    onward = runbook.following(step)
    return tuple(named) if step.is_end or onward is None else (*named, onward)


def _circle(start: str, ways: dict[str, tuple[str, ...]]) -> list[str] | None:
    """The shortest way from a step back to itself."""
    trails, seen = [[start]], set()
    while trails:
        trail = trails.pop(0)
        for goal in ways[trail[-1]]:
            if goal == start:
                return [*trail, goal]
            if goal not in seen:
                seen.add(goal)
                trails.append([*trail, goal])
    return None
