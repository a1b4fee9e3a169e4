"""The log that the environment asks for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from chaos_engine.adapters.terminal import FORMS, LEVELS, logger
from chaos_engine.narration import Log
from chaos_engine.spelling import nearest
from chaos_engine.written import ConfigError


def log_of_environment() -> Log:
    """The log in the form that CHAOS_LOG asks for, from the level of CHAOS_LOG_LEVEL on."""
    form, level = _asked("CHAOS_LOG", FORMS), _asked("CHAOS_LOG_LEVEL", LEVELS)
    return logger(form, level)  # type: ignore[no-any-return]


def _asked(variable: str, words: Sequence[str]) -> str:
    """The environment's word, or the first of them. ConfigError: it is another."""
    word = os.environ.get(variable) or words[0]
    if word not in words:
        allowed = f"{nearest(word, words)}; allowed: {', '.join(words)}"
        raise ConfigError([f"environment {variable}: unknown {word!r}{allowed}"])
    return word
