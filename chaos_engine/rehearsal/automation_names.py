"""What `{{ names }}` stand for in one execution: parameters, outputs of steps that ran, system variables."""

from __future__ import annotations

from datetime import UTC, datetime

from chaos_engine.rehearsal.automation_document import RefusedError, Step
from chaos_engine.rehearsal.automation_model import Execution
from chaos_engine.rehearsal.automation_variables import as_text, resolve

NO_OUTPUT = "No output available yet because the step is not successfully executed"


def inputs(execution: Execution, step: Step, now: float) -> dict[str, object]:
    """The step's inputs, resolved. An output that is not there is refused by name; to a branch it is ""."""
    forgiving = step.action == "aws:branch"

    def lookup(name: str) -> object:
        value = _value(execution, name, now)
        if value is None and not forgiving:
            raise RefusedError(f"{{{{ {name} }}}} is not available")
        return "" if value is None else value

    return {key: resolve(value, lookup) for key, value in step.inputs.items()}


def outputs(execution: Execution) -> dict[str, object]:
    """The runbook's own outputs."""
    return {name: _output(execution, name) or NO_OUTPUT for name in execution.launch.runbook.outputs}


def as_texts(value: object) -> list[str]:
    """How the API shows a value: a list of strings, whatever its type."""
    return [as_text(one) for one in value] if isinstance(value, list) else [as_text(value)]


def _value(execution: Execution, name: str, now: float) -> object:
    launch, (space, colon, rest) = execution.launch, name.partition(":")
    if space == "automation":
        return launch.id
    if not colon:
        return _output(execution, name) if "." in name else launch.values[name]
    at = datetime.fromtimestamp(now, UTC)
    return {
        "ACCOUNT_ID": launch.account,
        "REGION": launch.region,
        "AWS_PARTITION": launch.partition,
        "DATE": at.strftime("%Y-%m-%d"),
        "DATE_TIME": at.strftime("%Y-%m-%d_%H.%M.%S"),
    }[rest]


def _output(execution: Execution, name: str) -> object:
    step, _, output = name.partition(".")
    return execution.run(step).outputs.get(output)
