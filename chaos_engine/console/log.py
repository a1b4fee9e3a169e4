"""The log of a command, in the form that the environment asks for."""

from __future__ import annotations

import os

from chaos_engine.adapters.terminal import FORMS, logger
from chaos_engine.narration import Log
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError


def log_of_environment() -> Log:
    """As CHAOS_LOG says. ConfigError: it says something else."""
    form = os.environ.get("CHAOS_LOG") or "text"
    if form not in FORMS:
        hint = nearest(form, FORMS)
        raise ConfigError([f"environment CHAOS_LOG: unknown {form!r}{hint}; allowed: {', '.join(FORMS)}"])
    return logger(form)  # type: ignore[no-any-return]
