"""`PYTHON …/chaos_engine/toolkit/__main__.py MODE …`: a mode is a row of the table below.

Exit codes: 0 done, 1 it ended badly, 2 refused, 3 another process holds the folder, 4 the record cannot be
written.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

MODES = {  # the module whose `main(arguments)` returns the exit code
    "check": "chaos_engine.toolkit.check_mode",
    "run": "chaos_engine.toolkit.run_mode",
    "rollback": "chaos_engine.toolkit.rollback_mode",
    "serve": "chaos_engine.toolkit.serve_mode",
    "catalogue": "chaos_engine.toolkit.catalogue",
}
REFUSED = 2


def main() -> int:
    """The arguments are the command line's."""
    mode, *arguments = sys.argv[1:] or [""]
    if mode not in MODES:
        return refuse(f"{mode or 'no mode'}: one of {', '.join(MODES)}")
    try:
        perform = loaded(MODES[mode])
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] != "chaoslib":
            raise
        return refuse(f"chaostoolkit-lib is not installed in this environment ({sys.executable})")
    return perform(arguments)


def loaded(module: str) -> Callable[[list[str]], int]:
    """All of ours is imported here; then nothing of ours is on the path, as for the command `chaos`."""
    room, above = Path(__file__).resolve().parent, Path(__file__).resolve().parents[2]
    theirs = [entry for entry in sys.path if not entry or Path(entry).resolve() != room]
    sys.path[:] = [str(above), *theirs]
    gc.disable()  # nothing of what is imported is garbage, and looking for it is a tenth of the time
    try:
        perform: Callable[[list[str]], int] = importlib.import_module(module).main
    finally:
        gc.enable()
        sys.path[:] = theirs
        sys.modules.pop("chaos_engine", None)  # the user's environment may have one of its own
    return perform


def refuse(text: str) -> int:
    """Bad use, or an environment that cannot do it: one line."""
    print(text, file=sys.stderr)
    return REFUSED


def leave(code: int) -> None:
    """Where nothing can be said any more, the exit code is still the one that is meant."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    leave(main())
