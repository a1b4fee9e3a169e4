"""What chaostoolkit-aws lacks: a Lambda function's handler, and an extension's layer with its variables.

An action first writes a tag that says so; its rollback does nothing where that tag is not there. So a
rollback may be run at any time, in any process, and again: what is restored was never a fault.
"""

from contextlib import suppress
from typing import Any

from botocore.exceptions import WaiterError
from chaosaws import aws_client
from chaoslib.exceptions import FailedActivity
from chaoslib.types import Configuration, Secrets

__all__ = ["add_extension", "remove_extension", "replace_handler", "restore_handler"]
HANDLER = "chaos-toolkit:handler"  # its value is the handler before
EXTENSION = "chaos-toolkit:extension"  # its value is the layer that was added
PATIENCE = {"Delay": 1, "MaxAttempts": 60}  # seconds; AWS refuses an update while another one is under way


def replace_handler(
    function_name: str, handler: str, configuration: Configuration = None, secrets: Secrets = None
) -> str:
    """Call another handler. Returns the one before."""
    client = aws_client("lambda", configuration, secrets)
    found = _settled(client, function_name)
    _mark(client, found, HANDLER, found["Handler"])
    _update(client, function_name, Handler=handler)
    return str(found["Handler"])


def restore_handler(
    function_name: str, configuration: Configuration = None, secrets: Secrets = None
) -> str | None:
    """Call the handler that was called before it was replaced. Returns it."""
    client = aws_client("lambda", configuration, secrets)
    found = _settled(client, function_name)
    before = _tags(client, found).get(HANDLER)
    if before is not None:
        _update(client, function_name, Handler=before)
        client.untag_resource(Resource=found["FunctionArn"], TagKeys=[HANDLER])
    return before


def add_extension(
    function_name: str,
    layer: str,
    variables: dict[str, Any],
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> list[str]:
    """Add a layer behind the others, and variables that it reads. Returns the layers."""
    client = aws_client("lambda", configuration, secrets)
    found = _settled(client, function_name)
    layers, own = _layers(found), _variables(found)
    if layer in layers or own.keys() & variables.keys():
        raise FailedActivity(f"{function_name} has this layer, or one of these variables, already")
    _mark(client, found, EXTENSION, layer)
    named = {name: str(value) for name, value in variables.items()}
    environment = {"Variables": {**own, **named}}
    _update(client, function_name, Layers=[*layers, layer], Environment=environment)
    return [*layers, layer]


def remove_extension(
    function_name: str,
    variables: dict[str, Any],
    configuration: Configuration = None,
    secrets: Secrets = None,
) -> list[str]:
    """Take the layer that was added and these variables off; all others stay. Returns the layers."""
    client = aws_client("lambda", configuration, secrets)
    found = _settled(client, function_name)
    added = _tags(client, found).get(EXTENSION)
    layers = [each for each in _layers(found) if each != added]
    if added is not None:
        kept = {name: value for name, value in _variables(found).items() if name not in variables}
        _update(client, function_name, Layers=layers, Environment={"Variables": kept})
        client.untag_resource(Resource=found["FunctionArn"], TagKeys=[EXTENSION])
    return layers


def _settled(client: Any, function_name: str) -> dict[str, Any]:
    """The function's configuration, once no update is under way. One that failed before is no obstacle."""
    with suppress(WaiterError):
        _wait(client, function_name)
    return dict(client.get_function_configuration(FunctionName=function_name))


def _update(client: Any, function_name: str, **changed: Any) -> None:
    client.update_function_configuration(FunctionName=function_name, **changed)
    _wait(client, function_name)


def _wait(client: Any, function_name: str) -> None:
    client.get_waiter("function_updated").wait(FunctionName=function_name, WaiterConfig=PATIENCE)


def _mark(client: Any, found: dict[str, Any], name: str, value: str) -> None:
    if name in _tags(client, found):
        raise FailedActivity(f"{found['FunctionName']} is hurt already: it has the tag {name}")
    client.tag_resource(Resource=found["FunctionArn"], Tags={name: value})


def _tags(client: Any, found: dict[str, Any]) -> dict[str, str]:
    return dict(client.list_tags(Resource=found["FunctionArn"])["Tags"])


def _layers(found: dict[str, Any]) -> list[str]:
    return [each["Arn"] for each in found.get("Layers", [])]


def _variables(found: dict[str, Any]) -> dict[str, str]:
    return dict(found.get("Environment", {}).get("Variables", {}))
