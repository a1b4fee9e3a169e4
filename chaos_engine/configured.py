"""The settings' file as it was read: it is read again only when somebody says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path

from chaos_engine.changes import Changes
from chaos_engine.config import Settings, settings_of, written_settings


class Configured:
    """`check` is asked of all settings that are made; it may raise ConfigError."""

    def __init__(
        self, path: Path | None, environment: Mapping[str, str], check: Callable[[Settings], Settings]
    ) -> None:
        self._path = path
        self._environment = environment
        self._check = check
        self._written = written_settings(path, environment)

    def settings(self, changes: Changes) -> Settings:
        """With these changes over the file as it was read. ConfigError: they do not fit."""
        return self._made(changes)

    def reread(self, changes: Changes) -> Settings:
        """The file as it is now. ConfigError: it is bad; then the old one stays."""
        before = self._written
        self._written = written_settings(self._path, self._environment)
        try:
            return self._made(changes)
        except Exception:
            self._written = before
            raise

    def _made(self, changes: Changes) -> Settings:
        return self._check(settings_of(deepcopy(self._written), self._environment, changes))
