"""Lambda functions as targets: exact restoring, other people's changes, marks, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.cloud import CloudError
from chaos_engine.model import Observation
from scenarios.aws import NotStartedError, RefusedError
from scenarios.lambda_function import BusyError, NotUpdatedError
from scenarios.registry import load
from tests.unit.cloud_twin import SITE, prepared
from tests.unit.lambda_twin import CHAOS, OWN, PREFIX, SHOP, LambdaTwin, shop

ALL: Any = load()
OWN_PARAMETERS: dict[str, dict[str, Any]] = {
    "lambda_concurrency": {"reserved": 0},
    "lambda_handler": {"handler": "chaos.handler"},
    "lambda_environment": {"variables": {"MODE": "chaos", "DELAY": 400}},
    "lambda_layer": {"layer": CHAOS, "variables": {"WRAPPER": "/opt/bootstrap"}},
}
Story = tuple[Any, LambdaTwin, Any]


def armed(name: str, twin: LambdaTwin | None = None, **more: Any) -> Story:
    twin = twin or LambdaTwin()
    own = {"function": "shop", **OWN_PARAMETERS[name], **more}
    return ALL[name], twin, prepared(ALL[name], twin, **own)


def hurt(name: str, twin: LambdaTwin | None = None, **more: Any) -> Story:
    scenario, twin, fault = armed(name, twin, **more)
    scenario.inject(fault, twin.world)
    return scenario, twin, fault


def state(twin: LambdaTwin) -> tuple[Any, ...]:
    found = twin.function or {}
    variables = found.get("Environment", {}).get("Variables")
    layers = [each["Arn"] for each in found.get("Layers", [])]
    return found.get("Handler"), variables, layers, twin.reserved, twin.tags


def refused(name: str, twin: LambdaTwin, **more: Any) -> str:
    own = {"function": "shop", **OWN_PARAMETERS[name], **more}
    return str(ALL[name].preflight(SITE, ALL[name].parameters.model_validate(own), twin.world))


def telling(twin: LambdaTwin) -> tuple[Any, list[str]]:
    told: list[str] = []
    return replace(twin.world, tell=told.append), told


# --- in and out -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_it_comes_back_as_it_was(name: str) -> None:
    before = state(LambdaTwin())
    scenario, twin, fault = armed(name)
    scenario.clear(fault, twin.world)  # it was never in
    assert state(twin) == before
    scenario.inject(fault, twin.world)
    assert state(twin) != before
    assert scenario.observe(fault, twin.world).observation is Observation.BLIND
    assert scenario.is_left(fault, twin.world)
    assert set(twin.tags.values()) == {"0123456789ab/e1-0"}
    scenario.inject(fault, twin.world)  # once more is the same
    scenario.clear(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert state(twin) == before
    assert not scenario.is_left(fault, twin.world)


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_a_function_that_vanished_is_cleared(name: str) -> None:
    scenario, twin, fault = hurt(name)
    twin.function = None
    seen = scenario.observe(fault, twin.world)
    assert (seen.observation, "vanished" in seen.details["changed_to"]) == (Observation.GONE, True)
    scenario.clear(fault, twin.world)
    assert not scenario.is_left(fault, twin.world)


def test_only_the_named_is_written_to_the_ledger() -> None:
    _, _, fault = armed("lambda_environment")
    assert fault.undo["changes"] == {
        "Environment.MODE": ["well", "chaos"],
        "Environment.DELAY": [None, "400"],
    }
    assert fault.undo["function"] == SHOP


def test_a_variable_is_taken_away_and_comes_back() -> None:
    scenario, twin, fault = hurt("lambda_environment", variables={"MODE": None})
    assert state(twin)[1] == {"KEEP": "1"}
    scenario.clear(fault, twin.world)
    assert state(twin)[1] == {"MODE": "well", "KEEP": "1"}


def test_a_function_without_variables_and_layers_has_none_afterwards() -> None:
    twin = LambdaTwin(function={k: v for k, v in shop().items() if k not in ("Environment", "Layers")})
    scenario, twin, fault = hurt("lambda_layer", twin)
    assert state(twin)[1:3] == ({"WRAPPER": "/opt/bootstrap"}, [CHAOS])
    scenario.clear(fault, twin.world)
    assert state(twin)[1:3] == ({}, [])


@pytest.mark.parametrize("before", [None, 0, 7])
def test_what_was_reserved_comes_back(before: int | None) -> None:
    scenario, twin, fault = hurt(
        "lambda_concurrency", LambdaTwin(reserved=before, shown_after=1.0), reserved=1
    )
    assert twin.reserved == 1
    scenario.clear(fault, twin.world)
    assert twin.reserved == before
    assert bool(twin.asked("lambda:delete_function_concurrency")) is (before is None)


class Killed(BaseException):
    """The engine is killed."""


def killed_at(twin: LambdaTwin, number: int, after: bool) -> None:
    """Right before, or right after, the so manyth call from now on."""
    real, left = type(twin).call, [number]

    def call(access: Any, service: str, operation: str, **parameters: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and not after:
            raise Killed
        found = real(twin, access, service, operation, **parameters)
        if left[0] == 0:
            raise Killed
        return found

    twin.call = call  # type: ignore[method-assign]


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
@pytest.mark.parametrize("doing", ["inject", "clear"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_call_of_it_the_next_engine_restores(name: str, doing: str, after: bool) -> None:
    for number in range(1, 99):
        scenario, twin, fault = armed(name)
        if doing == "clear":
            scenario.inject(fault, twin.world)
        killed_at(twin, number, after)
        try:
            getattr(scenario, doing)(fault, twin.world)
        except Killed:
            del twin.call
            scenario.clear(fault, twin.world)
            assert state(twin) == state(LambdaTwin()), number
        else:
            assert number > 4
            return


# --- somebody else ----------------------------------------------------------------------------


def test_who_comes_in_between_is_not_overwritten() -> None:
    """The revision tells: the update is made again, on what the function then is."""
    scenario, twin, fault = armed("lambda_environment")
    twin.between.append(lambda found: found["Environment"]["Variables"].update(KEEP="2", NEW="x"))
    scenario.inject(fault, twin.world)
    assert state(twin)[1] == {"MODE": "chaos", "KEEP": "2", "NEW": "x", "DELAY": "400"}
    twin.between.append(lambda found: found["Environment"]["Variables"].update(KEEP="3"))
    scenario.clear(fault, twin.world)
    assert state(twin)[1] == {"MODE": "well", "KEEP": "3", "NEW": "x"}
    assert len(twin.asked("lambda:update_function_configuration")) == 4


def test_who_takes_the_setting_itself_right_before_it_keeps_it() -> None:
    scenario, twin, fault = armed("lambda_handler")
    twin.between.append(lambda found: found.update(Handler="new.handler"))
    with pytest.raises(RefusedError, match="changed meanwhile"):
        scenario.inject(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert (state(twin)[0], twin.tags) == ("new.handler", {})


def test_somebody_else_s_choice_in_mid_fault_stays() -> None:
    scenario, twin, fault = hurt("lambda_handler")
    twin.another(Handler="new.handler")
    seen = scenario.observe(fault, twin.world)
    assert (seen.observation, seen.details) == (Observation.GONE, {"changed_to": {"Handler": "new.handler"}})
    world, told = telling(twin)
    scenario.clear(fault, world)
    assert (state(twin)[0], twin.tags) == ("new.handler", {})
    assert "somebody else" in told[0]


def test_of_several_variables_only_ours_are_taken_back() -> None:
    scenario, twin, fault = hurt("lambda_environment")
    twin.variables(MODE="better")
    seen = scenario.observe(fault, twin.world)
    assert seen.details == {"changed_to": {"Environment.MODE": "another value"}}
    assert scenario.is_left(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert state(twin)[1] == {"MODE": "better", "KEEP": "1"}


def test_who_repairs_it_is_no_stranger() -> None:
    for name in ("lambda_handler", "lambda_concurrency"):
        scenario, twin, fault = hurt(name)
        twin.another(Handler="app.handler")
        twin.reserved = None
        seen = scenario.observe(fault, twin.world)
        assert (seen.observation, dict(seen.details)) == (Observation.GONE, {})


def test_another_reservation_stays_and_is_not_made_in_the_first_place() -> None:
    scenario, twin, fault = hurt("lambda_concurrency")
    twin.reserved = 50
    assert scenario.observe(fault, twin.world).details == {"changed_to": "50 are reserved"}
    world, told = telling(twin)
    scenario.clear(fault, world)
    assert (twin.reserved, twin.tags, len(told)) == (50, {}, 1)
    scenario, twin, fault = armed("lambda_concurrency")
    twin.reserved = 50
    with pytest.raises(RefusedError, match="changed meanwhile"):
        scenario.inject(fault, twin.world)
    assert twin.reserved == 50


def test_layers_that_others_add_and_take_stay_so() -> None:
    scenario, twin, fault = hurt("lambda_layer")
    other = f"{PREFIX}layer:other:1"
    twin.another(Layers=[{"Arn": CHAOS}, {"Arn": other}])
    scenario.clear(fault, twin.world)
    assert state(twin)[2] == [other]


# --- marks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("lambda_concurrency", {"reserved": 3}),
        ("lambda_handler", {"handler": "x.y"}),
        ("lambda_environment", {"variables": {"OTHER": "1"}}),
    ],
)
def test_what_has_a_mark_is_no_baseline(name: str, other: dict[str, Any]) -> None:
    _, twin, _ = hurt(name)
    assert "has the tag chaos-engine:" in refused(name, twin, **other)
    twin.tags.clear()
    assert refused(name, twin, **other) == "None"


def test_another_s_mark_since_the_preparing_stops_the_injection() -> None:
    for name in ("lambda_handler", "lambda_concurrency"):
        scenario, twin, fault = armed(name)
        before = state(twin)[:4]
        part = name.partition("_")[2]
        twin.tags[f"chaos-engine:{part}"] = "another/e9-0"
        with pytest.raises(RefusedError, match="another/e9-0"):
            scenario.inject(fault, twin.world)
        scenario.clear(fault, twin.world)
        assert state(twin)[:4] == before
        assert twin.tags == {f"chaos-engine:{part}": "another/e9-0"}


def test_faults_of_other_parts_have_marks_and_resources_of_their_own() -> None:
    _, twin, first = hurt("lambda_handler")
    _, _, second = armed("lambda_environment", twin)
    assert set(first.resources).isdisjoint(second.resources)
    _, _, third = armed("lambda_layer", twin)
    assert set(second.resources) & set(third.resources) == {f"lambda:{SHOP}#environment"}


# --- updates that take their time, or fail -----------------------------------------------------


def test_an_update_under_way_is_waited_for() -> None:
    scenario, twin, fault = armed("lambda_handler", LambdaTwin(takes=4.0))
    twin.another(LastUpdateStatus="InProgress")
    scenario.inject(fault, twin.world)
    statuses = [asked for asked in twin.calls if asked[1].endswith("get_function_configuration")]
    assert len(statuses) > 8
    assert twin.function is not None
    assert twin.function["LastUpdateStatus"] == "Successful"


def test_one_that_never_ends_is_told() -> None:
    scenario, twin, fault = armed("lambda_handler", LambdaTwin(takes=1e9))
    twin.another(State="Pending")
    with pytest.raises(BusyError, match="has not ended"):
        scenario.clear(fault, twin.world)
    assert "has not ended" in refused("lambda_handler", twin)


def test_who_is_overtaken_each_time_gives_up_and_says_so() -> None:
    scenario, twin, fault = hurt("lambda_handler")
    twin.between += [lambda found: found.update(Timeout=1)] * 9
    with pytest.raises(BusyError, match="others changed it"):
        scenario.clear(fault, twin.world)
    twin.between.clear()
    scenario.clear(fault, twin.world)
    assert state(twin)[0] == "app.handler"


def test_a_failed_injection_is_no_injection() -> None:
    scenario, twin, fault = armed("lambda_handler", LambdaTwin(fails=1))
    with pytest.raises(NotUpdatedError, match="no such image"):
        scenario.inject(fault, twin.world)
    scenario.clear(fault, twin.world)
    assert state(twin)[0] == "app.handler"
    twin.another(LastUpdateStatus="Failed")
    assert "its last update failed" in refused("lambda_handler", twin)


def test_a_clearing_whose_update_failed_is_made_again_until_it_took() -> None:
    """The function runs as it was before the failed update: with the fault."""
    scenario, twin, fault = hurt("lambda_handler")
    twin.fails = 2
    for _ in range(2):
        with pytest.raises(NotUpdatedError):
            scenario.clear(fault, twin.world)
        assert twin.tags
    scenario.clear(fault, twin.world)
    assert (state(twin)[0], twin.tags) == ("app.handler", {})
    assert twin.function is not None
    assert twin.function["LastUpdateStatus"] == "Successful"


# --- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_what_it_is_already_is_refused(name: str) -> None:
    _, twin, _ = hurt(name)
    twin.tags.clear()
    assert "already" in refused(name, twin)


@pytest.mark.parametrize("name", sorted(OWN_PARAMETERS))
def test_a_missing_permission_is_named(name: str) -> None:
    denied = CloudError("AccessDeniedException", "User is not authorized")
    twin = LambdaTwin(refusals={"get_function_configuration": denied})
    assert "AccessDeniedException: User is not authorized (lambda:GetFunctionConfiguration is needed)" in (
        refused(name, twin)
    )
    scenario, twin, fault = armed(name)
    twin.refusals["tag_resource"] = denied
    with pytest.raises(NotStartedError, match="lambda:TagResource is needed"):
        scenario.inject(fault, twin.world)
    assert state(twin) == state(LambdaTwin())


def test_a_clearing_that_is_denied_is_not_called_done() -> None:
    denied = CloudError("AccessDeniedException", "no")
    for name, operation in (
        ("lambda_handler", "update_function_configuration"),
        ("lambda_concurrency", "delete_function_concurrency"),
        ("lambda_concurrency", "untag_resource"),
    ):
        scenario, twin, fault = hurt(name)
        twin.refusals[operation] = denied
        with pytest.raises(CloudError, match="is needed"):
            scenario.clear(fault, twin.world)
        twin.refusals.clear()
        scenario.clear(fault, twin.world)
        assert state(twin) == state(LambdaTwin())


def test_variables_that_aws_does_not_show_are_not_written_back() -> None:
    """Writing some of them would take the others away."""
    twin = LambdaTwin()
    twin.another(Environment={"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt"}})
    assert "could not be written back, AWS says AccessDeniedException: kms:Decrypt" in (
        refused("lambda_environment", twin)
    )
    assert refused("lambda_handler", twin) == "None"


def test_what_a_function_cannot_have_is_refused() -> None:
    image = LambdaTwin(function={**shop(), "PackageType": "Image"})
    assert "container image" in refused("lambda_handler", image)
    assert "container image" in refused("lambda_layer", image)
    assert refused("lambda_environment", image) == "None"
    full = LambdaTwin()
    full.another(Layers=[{"Arn": f"{PREFIX}layer:l{number}:1"} for number in range(5)])
    assert "at most 5" in refused("lambda_layer", full)
    older = LambdaTwin()
    older.another(Layers=[{"Arn": f"{PREFIX}layer:chaos:7"}, {"Arn": OWN}])
    assert "has the layer already" in refused("lambda_layer", older)
    assert "ResourceNotFoundException" in refused("lambda_layer", LambdaTwin(), layer=f"{PREFIX}layer:none:1")


@pytest.mark.parametrize(
    ("name", "own", "words"),
    [
        ("lambda_concurrency", {"reserved": -1}, "greater than or equal to 0"),
        ("lambda_concurrency", {"reserved": True}, "valid integer"),
        ("lambda_concurrency", {"function": "shop:live"}, "a version or an alias cannot be changed"),
        ("lambda_concurrency", {"function": f"{SHOP}:7"}, "without a qualifier"),
        ("lambda_handler", {"function": "sh op"}, "allowed: its name"),
        ("lambda_handler", {"handler": ""}, "at least 1"),
        ("lambda_handler", {"handler": "a b"}, "match pattern"),
        ("lambda_environment", {"variables": {}}, "at least 1"),
        ("lambda_environment", {"variables": {"1A": "x"}}, "match pattern"),
        ("lambda_environment", {"variables": {"AB": ["x"]}}, "valid string"),
        ("lambda_layer", {"layer": f"{PREFIX}layer:chaos"}, "match pattern"),
        ("lambda_layer", {"versions": 1}, "Extra inputs"),
    ],
)
def test_bad_parameters_are_refused(name: str, own: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ALL[name].parameters.model_validate({"function": "shop", **OWN_PARAMETERS[name], **own})


def test_texts_are_written_as_a_shell_would() -> None:
    parameters = ALL["lambda_environment"].parameters.model_validate(
        {"function": SHOP, "variables": {"ON": True, "RATE": 0.5, "MS": 400, "TEXT": "on"}}
    )
    assert parameters.variables == {"ON": "true", "RATE": "0.5", "MS": "400", "TEXT": "on"}
