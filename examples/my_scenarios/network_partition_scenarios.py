"""The short form: a function `inject_NAME(state_file)` that writes a mode of its own.

The engine adds owner and deadline to what it wrote, and clears it by writing `healthy`.
"""

import json
import time
from pathlib import Path


def inject_network_partition(state_file: Path) -> None:
    """The application decides what `network_partition` means to it."""
    state = {"mode": "network_partition", "delay": 0, "timestamp": time.time(), "injected_by": "chaos-engine"}
    state_file.write_text(json.dumps(state))
