"""Failure states in SSM parameters of the rehearsal: the same text, type and tier afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenarios.registry import load
from tests.integration.aws_endpoint import Endpoint, prepared, real_world

ALL: Any = load()
CASES = [
    ("failure_lambda", '{"isEnabled":  false}', {"failureMode": "statuscode", "statusCode": 503}),
    ("failure_lambda", '{"latency": {}}\n', {"failureMode": "exception", "exceptionMsg": "chaos"}),
    ("chaos_lambda", '{"is_enabled": false}', {"fault_type": "latency", "delay": 400}),
]


@pytest.mark.parametrize(("name", "text", "own"), CASES)
@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_it_comes_back_as_it_was(
    endpoint: Endpoint, name: str, text: str, own: dict[str, Any], tier: str
) -> None:
    ssm, scenario, world = endpoint.client("ssm"), ALL[name], real_world()
    told: dict[str, Any] = {"Description": "chaos", "AllowedPattern": r"\{[\s\S]*"}
    ssm.put_parameter(Name="/shop/chaos", Value=text, Type="String", Tier=tier, **told)

    def stored() -> Any:
        (about,) = ssm.describe_parameters()["Parameters"]
        value = ssm.get_parameter(Name="/shop/chaos")["Parameter"]["Value"]
        return value, about["Type"], about["Tier"], {key: about[key] for key in told}

    before = stored()
    fault = prepared(endpoint, world, scenario, parameter="/shop/chaos", **own)
    scenario.clear(fault, world)
    assert stored() == before
    scenario.inject(fault, world)
    assert {key: value for key, value in own.items() if json.dumps(value) not in stored()[0]} == {}
    assert stored()[1:] == before[1:]
    assert scenario.is_left(fault, world)
    scenario.clear(fault, world)
    assert stored() == before == (text, "String", tier, told)
