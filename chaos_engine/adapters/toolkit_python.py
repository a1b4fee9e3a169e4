"""Which Python runs the Chaos Toolkit, and the room of ours that it runs by path: `chaos_engine/toolkit`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from chaos_engine.toolkit_runs import ToolkitError

VARIABLE = "CHAOS_TOOLKIT_PYTHON"
LACKS = 2  # the room's exit code where that Python has no chaoslib
_REMEDY = f"install chaos-engine[toolkit], or set {VARIABLE} to a Python that has chaostoolkit-lib"


def python() -> str:
    """The Python whose Chaos Toolkit and extensions are used: this one, or what the environment names."""
    return os.environ.get(VARIABLE) or sys.executable


def room() -> Path:
    """The folder that runs in that Python."""
    return Path(__file__).parents[1] / "toolkit"


def command(mode: str, *arguments: str) -> list[str]:
    """How the room is run. ToolkitError: that Python is not there."""
    found = shutil.which(python())
    if found is None:
        raise ToolkitError(f"{VARIABLE}: {python()!r} is no program; allowed: a Python with chaostoolkit-lib")
    # Absolute: it may be run in another directory. As it is written: a virtual environment is a link.
    return [os.path.abspath(found), str(room() / "__main__.py"), mode, *arguments]  # noqa: PTH100


def ask(mode: str, stdin: str = "", timeout: float = 30.0) -> str:
    """What the room prints in that mode. `timeout`: seconds. ToolkitError: there is no such answer."""
    asked = command(mode)
    try:
        ran = subprocess.run(  # noqa: S603 - a Python that the user named, and a file of ours
            asked, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise ToolkitError(f"the Chaos Toolkit of {asked[0]} did not answer within {timeout:g} s") from None
    except OSError as error:
        raise ToolkitError(f"{asked[0]} cannot be run: {error.strerror}; {_REMEDY}") from None
    if ran.returncode == 0:
        return ran.stdout
    raise ToolkitError(_told(asked[0], ran))


def _told(program: str, ran: subprocess.CompletedProcess[str]) -> str:
    if ran.returncode == LACKS:
        return f"the Chaos Toolkit is not installed for {program}: {_REMEDY}"
    lines = [line for line in ran.stderr.splitlines() if line.strip()]
    said = lines[-1].strip() if lines else "and said nothing"
    return f"the Chaos Toolkit of {program} ended with {ran.returncode}: {said}"
