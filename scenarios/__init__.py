"""What can go wrong: one file a family, each scenario with the steps prepare, inject, observe, clear.

A file named `*_scenarios.py` in here, or in the plugins folder, is found by itself; see
`docs/own-scenarios.md`.
"""

from pkgutil import extend_path

# A project may have a folder of this name, too: where ours is found first, theirs is still found in it.
__path__ = extend_path(__path__, __name__)
