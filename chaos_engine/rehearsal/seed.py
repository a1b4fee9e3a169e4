"""What is there from the start: a file of calls of the real API, made in its order.

- ec2.run_instances: {ImageId: ami-12345678, MinCount: 1, MaxCount: 1}
- fis.create_experiment_template: {…}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

FORM = (
    "allowed: a list of calls, each `service.operation: {its parameters}`, such as `ec2.run_instances: {…}`"
)


class SeedError(ValueError):
    """The text names the call, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of one service, by boto3's names."""

    service: str
    operation: str
    parameters: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.service}.{self.operation}"


def read(text: str) -> list[Call]:
    """YAML or JSON. SeedError: it is no list of calls."""
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SeedError(f"is not YAML: {error}") from None
    if not isinstance(written, list):
        raise SeedError(f"is no list; {FORM}")
    return [_call(index, one) for index, one in enumerate(written)]


def sow(calls: list[Call], client: Callable[[str], Any]) -> None:
    """Make them. `client`: of a service by its name. SeedError: one was refused; the rest is not made."""
    for call in calls:
        try:
            operation = getattr(client(call.service), call.operation, None)
            if not callable(operation):
                raise SeedError(f"{call}: there is no such operation")
            operation(**call.parameters)
        except (BotoCoreError, ClientError) as error:
            raise SeedError(f"{call}: {error}") from None


def _call(index: int, written: object) -> Call:
    pairs = list(_pairs(written))
    if len(pairs) != 1:
        raise SeedError(f"[{index}]: {written!r} is no call; {FORM}")
    (name, parameters) = pairs[0]
    service, dot, operation = name.partition(".")
    if not (service and dot and operation) or operation.startswith("_"):
        raise SeedError(f"[{index}]: {name!r} is no operation; {FORM}")
    return Call(service, operation, parameters)


def _pairs(written: object) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, parameters in written.items() if isinstance(written, dict) else ():
        if isinstance(name, str) and isinstance(parameters, dict):
            yield name, parameters
