"""Functions, layers and parameters in a local AWS."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import Any

from tests.integration.aws_endpoint import Endpoint

ROLE = "arn:aws:iam::123456789012:role/shop"
CODE = "def handler(event, context):\n    return {'statusCode': 200}\n"


def archive(text: str = CODE) -> bytes:
    """A zip file with one module."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("app.py", text)
    return made.getvalue()


def function(endpoint: Endpoint, name: str = "shop", **more: Any) -> str:
    """Its ARN."""
    iam = endpoint.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="shop", AssumeRolePolicyDocument="{}")
    made = endpoint.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": archive()}, **more,
    )  # fmt: skip
    return str(made["FunctionArn"])


def layer(endpoint: Endpoint, name: str = "chaos-extension") -> str:
    """Its version's ARN."""
    made = endpoint.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": archive()})
    return str(made["LayerVersionArn"])


def settings(endpoint: Endpoint, name: str = "shop") -> dict[str, Any]:
    """All that faults may change: handler, variables, layers, reserved concurrency, tags."""
    client = endpoint.client("lambda")
    found = client.get_function(FunctionName=name)
    configuration = found["Configuration"]
    return {
        "handler": configuration["Handler"],
        "variables": configuration.get("Environment", {}).get("Variables", {}),
        "layers": [each["Arn"] for each in configuration.get("Layers", [])],
        "reserved": found.get("Concurrency", {}).get("ReservedConcurrentExecutions"),
        "tags": client.list_tags(Resource=configuration["FunctionArn"])["Tags"],
    }
