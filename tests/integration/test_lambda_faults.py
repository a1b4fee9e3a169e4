"""Faults of Lambda functions against the rehearsal: in, seen, out, and nothing else touched."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chaos_engine.model import Observation, Seen
from scenarios.registry import load
from tests.integration.aws_endpoint import Endpoint, prepared, real_world
from tests.integration.engine_process import until
from tests.integration.rehearsed_functions import function, layer, settings

ALL: Any = load()
CASES: dict[str, dict[str, Any]] = {
    "lambda_concurrency": {"reserved": 0},
    "lambda_handler": {"handler": "chaos.handler"},
    "lambda_environment": {"variables": {"DELAY": 400, "URL": None, "MODE": "chaos"}},
    "lambda_layer": {"variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}},
}
HURT: dict[str, dict[str, Any]] = {
    "lambda_concurrency": {"reserved": 0},
    "lambda_handler": {"handler": "chaos.handler"},
    "lambda_environment": {"variables": {"MODE": "chaos", "KEEP": "1", "DELAY": "400"}},
    "lambda_layer": {
        "variables": {
            "MODE": "well", "KEEP": "1", "URL": "http://a", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap",
        }
    },
}  # fmt: skip


def own(endpoint: Endpoint, name: str) -> dict[str, Any]:
    more = {"layer": layer(endpoint)} if name == "lambda_layer" else {}
    return {"function": "shop", **CASES[name], **more}


def made(endpoint: Endpoint) -> dict[str, Any]:
    variables = {"MODE": "well", "KEEP": "1", "URL": "http://a"}
    function(endpoint, Environment={"Variables": variables}, Layers=[layer(endpoint, "own")])
    return settings(endpoint)


@pytest.mark.parametrize("name", sorted(CASES))
def test_it_is_hurt_and_comes_back_as_it_was(endpoint: Endpoint, name: str) -> None:
    scenario, world, before = ALL[name], real_world(), made(endpoint)
    fault = prepared(endpoint, world, scenario, **own(endpoint, name))
    scenario.clear(fault, world)  # it was never in
    assert settings(endpoint) == before
    scenario.inject(fault, world)
    found = settings(endpoint)
    tags = found.pop("tags")
    assert set(tags.values()) == {"owner/e1-0"}
    assert all(tag.startswith("chaos-engine:") for tag in tags)
    if name == "lambda_layer":
        assert found.pop("layers") == [*before["layers"], own_layer(fault)]
    for key, value in HURT[name].items():
        assert found[key] == value
    assert _observed(scenario, fault, world).observation is Observation.BLIND
    assert scenario.is_left(fault, world)
    scenario.clear(fault, world)
    scenario.clear(fault, world)
    assert settings(endpoint) == before
    assert _observed(scenario, fault, world).observation is Observation.GONE
    assert not scenario.is_left(fault, world)


def own_layer(fault: Any) -> str:
    (found,) = (name for name in fault.undo["changes"] if name.startswith("Layers."))
    return str(found.removeprefix("Layers."))


def _observed(scenario: Any, fault: Any, world: Any) -> Seen:
    seen = scenario.observe(fault, world)
    assert isinstance(seen, Seen)
    return seen


def test_a_reservation_that_there_was_comes_back(endpoint: Endpoint) -> None:
    made(endpoint)
    client = endpoint.client("lambda")
    client.put_function_concurrency(FunctionName="shop", ReservedConcurrentExecutions=7)
    scenario, world = ALL["lambda_concurrency"], real_world()
    fault = prepared(endpoint, world, scenario, function="shop", reserved=0)
    scenario.inject(fault, world)
    with pytest.raises(ClientError, match="Rate Exceeded"):
        client.invoke(FunctionName="shop")
    scenario.clear(fault, world)
    assert settings(endpoint)["reserved"] == 7


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_function_that_vanished_is_cleared(endpoint: Endpoint, name: str) -> None:
    scenario, world = ALL[name], real_world()
    made(endpoint)
    fault = prepared(endpoint, world, scenario, **own(endpoint, name))
    scenario.inject(fault, world)
    endpoint.client("lambda").delete_function(FunctionName="shop")
    assert _observed(scenario, fault, world).observation is Observation.GONE
    scenario.clear(fault, world)
    refused = scenario.preflight(fault.target, scenario.parameters.model_validate(own(endpoint, name)), world)
    assert "there is no such function in eu-central-1" in str(refused)


def test_two_at_once_are_told_apart(endpoint: Endpoint) -> None:
    """The rehearsal refuses the second update while the first is under way; both are made, both undone."""
    world, before = real_world(), made(endpoint)
    handler, environment = ALL["lambda_handler"], ALL["lambda_environment"]
    first = prepared(endpoint, world, handler, **own(endpoint, "lambda_handler"))
    second = prepared(endpoint, world, environment, **own(endpoint, "lambda_environment"))
    assert set(first.resources).isdisjoint(second.resources)
    handler.inject(first, world)
    environment.inject(second, world)
    handler.clear(first, world)
    environment.clear(second, world)
    assert settings(endpoint) == before


def test_the_rehearsal_knows_revisions(endpoint: Endpoint) -> None:
    made(endpoint)
    client = endpoint.client("lambda")
    old = client.get_function_configuration(FunctionName="shop")["RevisionId"]
    told = client.update_function_configuration(FunctionName="shop", RevisionId=old, Handler="b.b")
    assert (told["LastUpdateStatus"], told["RevisionId"] == old) == ("InProgress", False)
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.update_function_configuration(FunctionName="shop", Handler="c.c")
    until(lambda: client.get_function_configuration(FunctionName="shop")["LastUpdateStatus"] == "Successful")
    with pytest.raises(ClientError, match="PreconditionFailedException"):
        client.update_function_configuration(FunctionName="shop", RevisionId=old, Handler="c.c")
    assert settings(endpoint)["handler"] == "b.b"
