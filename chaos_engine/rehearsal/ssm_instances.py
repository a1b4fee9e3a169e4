"""EC2 instances as Systems Manager sees them: which there are, and which can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto.ec2.models import ec2_backends

from chaos_engine.rehearsal.automation_document import RefusedError

GONE = frozenset({"terminated", "shutting-down"})


def states(account: str, region: str, filters: Mapping[str, Sequence[str]] | None = None) -> dict[str, str]:
    """State by instance id, of all instances that EC2's own filters let through, in a steady order."""
    reservations = ec2_backends[account][region].all_reservations(filters=filters)
    found = {one.id: str(one.state) for reservation in reservations for one in reservation.instances}
    return dict(sorted(found.items()))


def targeted(account: str, region: str, target: Mapping[str, Any]) -> dict[str, str]:
    """Instances with a tag (`tag:Name`, `tag-key`), without those that are gone. Other keys are refused."""
    key, values = str(target["Key"]), [str(value) for value in target.get("Values", [])]
    if not key.startswith("tag:") and key != "tag-key":
        raise RefusedError(f"the target key {key} is not rehearsed; allowed: tag:…, tag-key")
    found = states(account, region, {key: values or ["*"]})
    return {name: state for name, state in found.items() if state not in GONE}
