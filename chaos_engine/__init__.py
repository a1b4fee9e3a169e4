"""Chaos Engine: weighted faults into running services, judged before they are cleared."""

__version__ = "0.1.0"
