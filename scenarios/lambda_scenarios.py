"""A Lambda function is configured badly for a while: another handler, other variables, one more layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from chaos_engine.cloud import CloudError
from scenarios.aws import Reached, RefusedError
from scenarios.base import Parameters
from scenarios.lambda_configured import CHANGES, ConfiguredScenario
from scenarios.lambda_function import FunctionParameters, ask, told
from scenarios.lambda_settings import HANDLER, LAYER, MOST_LAYERS, VARIABLE, Configuration, layers_of

# --- handler ----------------------------------------------------------------------------------


class HandlerParameters(FunctionParameters):
    """`handler` replaces the function's own."""

    handler: str = Field(min_length=1, max_length=128, pattern=r"^\S+$")


class LambdaHandler(ConfiguredScenario):
    """Another handler is called: one of a layer that injects errors, or one that is not there."""

    name = "lambda_handler"
    parameters: ClassVar[type[Parameters]] = HandlerParameters

    def wanted(self, parameters: Any, found: Configuration) -> dict[str, Any]:
        """RefusedError: an image has no handler."""
        _check_is_no_image(found)
        return {HANDLER: parameters.handler}


# --- environment and layers -------------------------------------------------------------------


def _text(value: object) -> object:
    """`true` and `30` as a shell would write them."""
    return json.dumps(value) if isinstance(value, (bool, int, float)) else value


Variables = dict[
    Annotated[str, Field(pattern=r"^[a-zA-Z][a-zA-Z0-9_]+$")], Annotated[str | None, BeforeValidator(_text)]
]


class EnvironmentParameters(FunctionParameters):
    """`variables` get these values; `null` takes one away."""

    variables: Variables = Field(min_length=1)


class LambdaEnvironment(ConfiguredScenario):
    """Variables of the function are set, changed or taken away; every other one is left as it is."""

    name = "lambda_environment"
    parameters: ClassVar[type[Parameters]] = EnvironmentParameters

    def wanted(self, parameters: Any, found: Configuration) -> dict[str, Any]:
        """Each variable."""
        del found
        return _named(parameters.variables)


class LayerParameters(FunctionParameters):
    """`layer` is a version's ARN; `variables` is what its extension reads."""

    layer: str = Field(pattern=r"^arn:[\w-]+:lambda:[\w-]+:\d{12}:layer:[A-Za-z0-9_-]+:\d+$")
    variables: Variables = Field(default_factory=dict)


class LambdaLayer(ConfiguredScenario):
    """A layer is added behind the others, with variables for it, and taken off again."""

    name = "lambda_layer"
    parameters: ClassVar[type[Parameters]] = LayerParameters
    permissions = MappingProxyType({**CHANGES, "lambda:GetLayerVersion": ("{layer}",)})

    def wanted(self, parameters: Any, found: Configuration) -> dict[str, Any]:
        """RefusedError: an image takes no layers, nor does a function with five, or with another version."""
        _check_is_no_image(found)
        arn, there = found["FunctionArn"], layers_of(found)
        layer, _, _ = parameters.layer.rpartition(":")
        if same := [each for each in there if each.rpartition(":")[0] == layer]:
            raise RefusedError(f"function {arn} has the layer already: {same[0]}")
        if len(there) >= MOST_LAYERS:
            raise RefusedError(f"function {arn} has {len(there)} layers; Lambda takes at most {MOST_LAYERS}")
        return {f"{LAYER}{parameters.layer}": True, **_named(parameters.variables)}

    def check(self, aws: Reached, parameters: Any) -> None:
        """RefusedError: there is no such layer."""
        layer, _, version = parameters.layer.rpartition(":")
        try:
            ask(aws, "lambda", "get_layer_version", LayerName=layer, VersionNumber=int(version))
        except CloudError as error:
            raise RefusedError(f"layer {parameters.layer}: {told(error)}") from error


def _named(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{VARIABLE}{name}": value for name, value in variables.items()}


def _check_is_no_image(found: Configuration) -> None:
    if found.get("PackageType") == "Image":
        arn = found["FunctionArn"]
        raise RefusedError(f"function {arn} is a container image, and has neither handler nor layers here")
