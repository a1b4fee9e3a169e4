"""`docs/aws/`: the policies hold what the code calls and nothing else, and the template's role is that."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from chaos_engine.console.permissions import OF_PROBES
from chaos_engine.model import AlarmProbe, CloudWatchProbe
from scenarios.aws import CloudScenario
from scenarios.registry import load

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "aws"
POLICIES = {file.stem: json.loads(file.read_text()) for file in (DOCS / "policies").glob("*.json")}
SERVICES = {"cloudwatch", "ec2", "fis", "iam", "lambda", "logs", "ssm", "sts"}
WITH_TAGS = {
    "fis:StartExperiment": "fis:TagResource",
    "ssm:StartAutomationExecution": "ssm:AddTagsToResource",
}
NAMES = {
    "template": "EXT1", "document": "Outage", "function": "shop", "parameter": "shop/chaos",
    "layer": "arn:aws:lambda:eu-central-1:123456789012:layer:chaos:1",
}  # fmt: skip
FREE = {"sts:GetCallerIdentity"}  # nobody needs a permission for it
AWS = {name: s for name, s in load().items() if isinstance(s, CloudScenario)}


def actions(policy: Any) -> set[str]:
    return {action for statement in policy["Statement"] for action in statement["Action"]}


# --- what the code calls ----------------------------------------------------------------------


def calls(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """IAM actions of every call with two neighbouring texts of the form `"fis", "start_experiment"`."""
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        texts = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        for service, operation in pairwise(texts):
            if service in SERVICES and isinstance(operation, str) and "_" in operation:
                action = f"{service}:{''.join(word.title() for word in operation.split('_'))}"
                yield action
                if action in WITH_TAGS:
                    yield WITH_TAGS[action]


Place = tuple[str, str]  # a module of the scenarios, and a function or class at its top
Scope = dict[str, tuple[Place, ast.AST]]


@cache
def scopes() -> dict[str, Scope]:
    """By module: what each name means there, its own or imported from another of the scenarios."""
    trees = {file.stem: ast.parse(file.read_text()) for file in (ROOT / "scenarios").glob("*.py")}
    kinds = (ast.FunctionDef, ast.ClassDef)
    found: dict[str, Scope] = {
        module: {node.name: ((module, node.name), node) for node in tree.body if isinstance(node, kinds)}
        for module, tree in trees.items()
    }
    own = {module: dict(scope) for module, scope in found.items()}
    for module, tree in trees.items():
        for node in tree.body:
            source = str(getattr(node, "module", "")).removeprefix("scenarios.")
            if isinstance(node, ast.ImportFrom) and source in own:
                names = (alias.name for alias in node.names)
                found[module] |= {name: own[source][name] for name in names if name in own[source]}
    return found


def called_by(kind: type) -> set[str]:
    """What a class calls, itself or through functions that it names."""
    ahead, seen = [(kind.__module__.rpartition(".")[2], kind.__name__)], set()
    found: set[str] = set()
    while ahead:
        current = ahead.pop()
        if current in seen:
            continue
        seen.add(current)
        module, name = current
        nodes = list(ast.walk(scopes()[module][name][1]))
        found |= set(calls(nodes))
        named = {n.id for n in nodes if isinstance(n, ast.Name)}
        ahead += [place for name, (place, _) in scopes()[module].items() if name in named]
    return found - FREE


@pytest.mark.parametrize("name", sorted(AWS))
def test_a_scenario_s_policy_is_what_it_calls(name: str) -> None:
    called = called_by(type(AWS[name]))
    assert called == actions(POLICIES[name])
    assert called == set(AWS[name].permissions)


def test_the_evaluators_policies_are_what_they_call() -> None:
    trees = [ast.parse(file.read_text()) for file in (ROOT / "chaos_engine").rglob("*.py")
             if "rehearsal" not in file.parts]  # fmt: skip
    called = {action for tree in trees for action in calls(ast.walk(tree))} - FREE
    asked = {a for a in called if a.startswith("cloudwatch:")}
    assert asked == actions(POLICIES["cloudwatch"]) | actions(POLICIES["alarm"])
    assert set(OF_PROBES[CloudWatchProbe]) == actions(POLICIES["cloudwatch"])
    assert set(OF_PROBES[AlarmProbe]) == actions(POLICIES["alarm"])
    assert called - asked == actions(POLICIES["doctor"])


# --- what the policies say --------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_action_exists_and_is_named_once(name: str) -> None:
    known = json.loads((files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json").read_text())
    listed = [action for statement in POLICIES[name]["Statement"] for action in statement["Action"]]
    assert len(listed) == len(set(listed))
    for action in listed:
        service, _, word = action.partition(":")
        assert word.lower() in known[service]["Actions"], action


@pytest.mark.parametrize("name", sorted(AWS))
def test_a_policy_covers_the_resources_that_doctor_asks_about(name: str) -> None:
    for action, wanted in AWS[name].permissions.items():
        (statement,) = (s for s in POLICIES[name]["Statement"] if action in s["Action"])
        given = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        patterns = [re.escape(pattern).replace(r"\*", ".*") for pattern in given]
        for text in wanted:
            service, _, rest = text.format(**NAMES).partition(":")
            arn = f"arn:{rest}" if service == "arn" else f"arn:aws:{service}:eu-central-1:123456789012:{rest}"
            assert any(re.fullmatch(pattern, arn) for pattern in patterns), (action, arn)


def test_the_table_has_every_action() -> None:
    rows = re.findall(r"^\| `(\w+:\w+)` \| (.*?) \|", (DOCS / "permissions.md").read_text(), re.MULTILINE)
    table = {(action, who) for action, names in rows for who in re.findall(r"`(\w+)`", names)}
    assert table == {(action, name) for name, policy in POLICIES.items() for action in actions(policy)}


# --- the template -----------------------------------------------------------------------------


class Loader(yaml.SafeLoader):
    """Takes `!Sub` and the like as what stands behind it."""


Loader.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node, deep=True)
    ),
)
TEMPLATE = yaml.load((DOCS / "ecs-fargate.yaml").read_text(), Loader)  # a safe loader's child


def test_the_template_is_valid() -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), str(DOCS / "ecs-fargate.yaml")]
    linted = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_its_role_is_exactly_the_policies() -> None:
    role = TEMPLATE["Resources"]["TaskRole"]["Properties"]
    given = {a for policy in role["Policies"] for a in actions(policy["PolicyDocument"])}
    wanted = [actions(policy) for name, policy in POLICIES.items() if name != "doctor"]
    assert given == set().union(*wanted)
    assert "ManagedPolicyArns" not in role


def test_with_roles_only_nothing_but_roles_is_made() -> None:
    kinds = {resource["Type"]: resource["Condition"] for resource in TEMPLATE["Resources"].values()}
    unconditional = {
        kind for kind, condition in kinds.items() if condition not in ("Runs", "MakesAccessPoint")
    }
    assert unconditional == {"AWS::IAM::Role", "AWS::IAM::RolePolicy"}


def test_the_daemon_is_told_what_the_parameters_say() -> None:
    (container,) = TEMPLATE["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    environment = {entry["Name"]: entry["Value"] for entry in container["Environment"]}
    assert environment["CHAOS_LOG"] == "LogForm"
    assert environment["CHAOS_LOG_LEVEL"] == "LogLevel"
    assert {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} <= set(environment)
    assert "169.254.170.2" in TEMPLATE["Parameters"]["NoProxy"]["Default"]
    assert container["MountPoints"][0]["ContainerPath"] == environment["CHAOS_DATA_DIR"]
