"""Which IAM permissions a configuration needs, and what IAM says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from chaos_engine.cloud import Cloud
from chaos_engine.config import Settings
from chaos_engine.model import AlarmProbe, AwsAccess, CloudWatchProbe, Probe
from scenarios.aws import CloudScenario

OF_PROBES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        CloudWatchProbe: ("cloudwatch:GetMetricData",),
        AlarmProbe: ("cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"),
    }
)


@dataclass(frozen=True, slots=True)
class Need:
    """An IAM action, on which resources (`service:kind/name`; none: any), and what wants it."""

    action: str
    resources: tuple[str, ...]
    wanted_by: str


def needs(settings: Settings) -> dict[AwsAccess, tuple[Need, ...]]:
    """What is needed, by how AWS is reached."""
    found: dict[AwsAccess, dict[Need, None]] = {}
    for access, need in (*_of_steps(settings), *_of_probes(settings)):
        found.setdefault(access, {})[need] = None
    return {access: tuple(wanted) for access, wanted in found.items()}


def _of_steps(settings: Settings) -> Iterator[tuple[AwsAccess, Need]]:
    for experiment in settings.experiments.values():
        for step in experiment.steps:
            scenario = settings.scenarios[step.scenario]
            if not isinstance(scenario, CloudScenario) or step.target.aws is None:
                continue
            for action, resources in scenario.permissions.items():
                named = tuple(text.format(**_names(step.parameters)) for text in resources)
                yield step.target.aws, Need(action, named, f"{step.scenario} on {step.target.name}")


def _of_probes(settings: Settings) -> Iterator[tuple[AwsAccess, Need]]:
    for probe in aws_probes(settings):
        for action in OF_PROBES[type(probe)]:
            yield probe.access, Need(action, (), probe.label)


def aws_probes(settings: Settings) -> tuple[CloudWatchProbe | AlarmProbe, ...]:
    """Those that ask CloudWatch."""
    probes: tuple[Probe, ...] = settings.probes
    return tuple(probe for probe in probes if isinstance(probe, (CloudWatchProbe, AlarmProbe)))


def _names(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Documents, functions and parameters may be named by their ARN; a layer always is."""
    kinds = ("template", "document", "function", "parameter", "layer")
    given = {key: str(parameters.get(key, "*")) for key in kinds}
    return {
        **given,
        "document": given["document"].rsplit("/", 1)[-1],
        "function": given["function"].rsplit(":", 1)[-1],
        "parameter": given["parameter"].rpartition(":parameter/")[2].lstrip("/"),
    }


# --- asking IAM -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are."""

    account: str
    arn: str
    region: str

    @property
    def principal(self) -> str:
        """The user or role whose policies count: of an assumed role, the role."""
        partition = self.arn.split(":")[1]
        if ":assumed-role/" not in self.arn:
            return self.arn
        role = self.arn.split("/")[1]
        return f"arn:{partition}:iam::{self.account}:role/{role}"


def allowed(cloud: Cloud, access: AwsAccess, who: Identity, need: Need) -> bool:
    """What IAM says to it. CloudError: it does not say; a role with a path in its name is not found, say."""
    answer = cloud.call(
        access,
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=who.principal,
        ActionNames=[need.action],
        ResourceArns=[_arn(who, text) for text in need.resources] or ["*"],
    )
    return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])


def _arn(who: Identity, text: str) -> str:
    if text.startswith("arn:"):  # it may be another account's
        return text
    service, _, name = text.partition(":")
    partition = who.arn.split(":")[1]
    return f"arn:{partition}:{service}:{who.region}:{who.account}:{name}"
