"""What can go wrong: one file a family, each scenario with the steps prepare, inject, observe, clear.

A file named `*_scenarios.py` in here, or in the plugins folder, is found by itself; see
`docs/own-scenarios.md`.
"""
