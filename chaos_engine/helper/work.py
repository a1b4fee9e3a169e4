"""What a helper does: one kind of work a module, found by its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen in the kernel. `present`: it is in; `felt`: it acted on something (None: who knows)."""

    present: bool
    felt: bool | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Work(ABC):
    """One fault in the namespaces that the helper shares. `spec` is what its scenario wrote."""

    lasts: ClassVar[bool] = True  # False: it is done when it is applied, and there is nothing to hold

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec

    def check(self) -> Mapping[str, Any]:
        """Look whether it can be done, and change nothing. Any exception: it cannot, and why.

        What it returns is added to `spec`: what must be known before anything is hurt.
        """
        return {}

    @abstractmethod
    def apply(self) -> None:
        """Do it. Any exception: what was done so far is undone."""

    @abstractmethod
    def look(self) -> Look:
        """What the kernel shows of it now; asked every second while it is held."""

    @abstractmethod
    def undo(self) -> None:
        """Take it out; of one that is not in, or only half: what there is. May be called again."""

    def linger(self) -> None:  # noqa: B027 - most have nothing to do
        """After it is out, and was told: bring to an end what is harmless but not finished, in seconds."""


def work(name: str, spec: Mapping[str, Any]) -> Work:
    """The work of that name: class `Task` of the module `chaos_engine.helper.NAME`."""
    module = import_module(f"chaos_engine.helper.{name}")
    task: Work = module.Task(spec)
    return task
