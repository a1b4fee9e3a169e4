"""A small experiment template, and variations of it."""

from __future__ import annotations

import copy
from typing import Any

ALARM = "arn:aws:cloudwatch:eu-north-1:123456789012:alarm:shop-is-slow"
TEMPLATE: dict[str, Any] = {
    "description": "half of the shop's instances stop for a while",
    "roleArn": "arn:aws:iam::123456789012:role/experiments",
    "stopConditions": [{"source": "none"}],
    "targets": {
        "half": {
            "resourceType": "aws:ec2:instance",
            "resourceTags": {"shop": "chaos-ready"},
            "filters": [{"path": "State.Name", "values": ["running"]}],
            "selectionMode": "PERCENT(50)",
        }
    },
    "actions": {
        "stop": {
            "actionId": "aws:ec2:stop-instances",
            "parameters": {"startInstancesAfterDuration": "PT5M"},
            "targets": {"Instances": "half"},
        },
        "wait": {
            "actionId": "aws:fis:wait",
            "parameters": {"duration": "PT2M"},
            "startAfter": ["stop"],
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The template with another value there; None: without it."""
    template = copy.deepcopy(TEMPLATE)
    *parents, last = path.split("/")
    place: Any = template
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return template
