"""What the parts of our SSM have in common: the request, what is kept for an account and region, errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from moto.moto_api._internal import mock_random
from moto.ssm.exceptions import SSMException
from moto.ssm.models import Document, Documents, SimpleSystemManagerBackend, ssm_backends
from moto.ssm.responses import SimpleSystemManagerResponse

from chaos_engine.rehearsal.automation_calls import Calls
from chaos_engine.rehearsal.automation_document import RefusedError
from chaos_engine.rehearsal.automation_store import Automations
from chaos_engine.rehearsal.ssm_commands import Command
from chaos_engine.rehearsal.ssm_owned import OWNED

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """What one `install` brings along. `lock`: requests and ticks come from different threads."""

    clock: Callable[[], float]
    calls: Calls = field(default_factory=Calls)
    lock: threading.RLock = field(default_factory=threading.RLock)


class Ssm(SimpleSystemManagerResponse):
    """Requests are read as JSON, which is what SSM speaks."""

    world: ClassVar[World]

    @property
    def ssm_backend(self) -> SimpleSystemManagerBackend:
        """With the documents that AWS owns."""
        backend = ssm_backends[self.current_account][self.region]
        documents = backend._documents  # noqa: SLF001 - moto has no other way in
        for name in OWNED:
            if name not in documents:
                documents[name] = _owned(name)
        return backend

    def asked(self) -> dict[str, Any]:
        """The request's body."""
        body: dict[str, Any] = json.loads(self.body or "{}")
        return body

    def now(self) -> float:
        """Seconds since 1970."""
        return self.world.clock()

    def automations(self) -> Automations:
        """Those of this account and region."""
        return automations_of(self.ssm_backend)

    def commands(self) -> dict[str, Command]:
        """Those of this account and region, by id."""
        return _kept(self.ssm_backend, "rehearsed_commands", dict)

    def document(self, name: str, version: str | None) -> Document:
        """By name or ARN. Raises moto's InvalidDocument."""
        documents = self.ssm_backend._get_documents(name.rpartition("/")[2])  # noqa: SLF001
        return documents.find(None if version == "$DEFAULT" else version)


def automations_of(backend: SimpleSystemManagerBackend) -> Automations:
    """Kept on moto's backend, so that moto's own reset forgets them too."""
    return _kept(backend, "rehearsed_automations", Automations)


def new_id() -> str:
    """From moto's own randomness, which can be seeded over its API."""
    return str(mock_random.uuid4())


@contextmanager
def refusing(code: str) -> Iterator[None]:
    """What is refused inside becomes an AWS error of this code."""
    try:
        yield
    except RefusedError as error:
        raise SSMException(code, str(error)) from None


def _kept(backend: SimpleSystemManagerBackend, name: str, make: Callable[[], T]) -> T:
    kept: T = vars(backend).setdefault(name, make())
    return kept


def _owned(name: str) -> Documents:
    kind, content = OWNED[name]
    document = Document("Amazon", name, "", json.dumps(content), kind, "JSON", [], [], "")  # type: ignore[abstract]
    return Documents(document)
