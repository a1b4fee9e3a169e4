"""SSM's Parameter Store in memory, with every version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos_engine.cloud import CloudError
from tests.unit.cloud_twin import CloudTwin

Asked = Mapping[str, Any]
NAME = "/shop/chaos"


@dataclass
class ParameterTwin(CloudTwin):
    """`versions`: values of the one parameter; none: it is not there. `between`: what others write first."""

    versions: list[str] = field(default_factory=list)
    type: str = "String"
    tier: str = "Standard"
    between: list[str] = field(default_factory=list)

    @property
    def value(self) -> str:
        return self.versions[-1]

    def ssm_get_parameter(self, asked: Asked) -> Mapping[str, Any]:
        name, _, number = asked["Name"].partition(":")
        if name != NAME or not self.versions:
            raise CloudError("ParameterNotFound", "")
        version = int(number or len(self.versions))
        return {
            "Parameter": {
                "ARN": f"arn:aws:ssm:eu-central-1:123456789012:parameter{NAME}", "Type": self.type,
                "Value": self.versions[version - 1], "Version": version,
            }
        }  # fmt: skip

    def ssm_describe_parameters(self, asked: Asked) -> Mapping[str, Any]:
        (only,) = asked["ParameterFilters"]
        assert only["Values"] == [NAME]
        return {"Parameters": [{"Name": NAME, "Tier": self.tier}]}

    def ssm_put_parameter(self, asked: Asked) -> Mapping[str, Any]:
        assert (asked["Name"], asked["Overwrite"]) == (NAME, True)
        if self.between:
            self.versions.append(self.between.pop(0))
        self.versions.append(asked["Value"])
        self.type, self.tier = asked["Type"], asked["Tier"]
        return {"Version": len(self.versions), "Tier": self.tier}
