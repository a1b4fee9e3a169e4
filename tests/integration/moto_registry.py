"""What the rehearsal hooks into moto is of the whole process: a server in a test takes it out again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def kept() -> Iterator[None]:
    """Afterwards moto's CloudWatch and SSM are as they were, and know of nothing."""
    from moto.cloudwatch import urls as of_cloudwatch
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.ssm import urls as of_ssm
    from moto.ssm.models import ssm_backends

    modules: tuple[Any, ...] = (of_cloudwatch, of_ssm)
    services: tuple[Any, ...] = (cloudwatch_backends, ssm_backends)
    paths = [dict(module.url_paths) for module in modules]
    classes = [service.backend for service in services]
    try:
        yield
    finally:
        for module, before in zip(modules, paths, strict=True):
            module.url_paths = before
        for service, backend in zip(services, classes, strict=True):
            service.backend = backend
            service.clear()
