"""The world that scenarios act in, on a real machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chaos_engine.adapters import folder
from chaos_engine.adapters.aws import Aws
from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.docker_engine import DockerEngine
from chaos_engine.adapters.flag_files import FlagFiles
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.adapters.toolkit_processes import ToolkitProcesses
from chaos_engine.cloud import Cloud
from chaos_engine.ports import World


def world_of(
    warn: Callable[[str], None] | None = None, cloud: Cloud | None = None, data: Path | None = None
) -> World:
    """State files, flags, AWS, Docker and the Chaos Toolkit, each reached when first needed.

    `warn` is told what is odd. `data`: the data folder, where it is not the environment's.
    """
    clock, tell = SystemClock(), warn or (lambda _: None)
    return World(
        StateFiles(warn=tell), clock, cloud or Aws(), clock.wait, DockerEngine(), FlagFiles(warn=tell),
        ToolkitProcesses(data or folder.of_environment()), tell,
    )  # fmt: skip
