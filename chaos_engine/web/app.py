"""The application: an engine's API with its OpenAPI document. What it is told to do goes to the journal."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.routing import Route

from chaos_engine import __version__
from chaos_engine.adapters.real_world import world_of
from chaos_engine.web import commanding, health, looking, streaming, telling
from chaos_engine.web.door import USUAL, Door, Limits
from chaos_engine.web.facts import Facts
from chaos_engine.web.refusing import speak
from chaos_engine.web.seldom import Seldom

ABOUT = """What the running daemon is asked and told. Reading is open; changing needs the header
`Authorization: Bearer TOKEN` with the engine's `CHAOS_API_TOKEN`. Every error is JSON with a sentence.
Times are Unix seconds."""

ROUTERS = (telling.router, health.router, streaming.router, commanding.router)


def application(facts: Facts, limits: Limits = USUAL) -> FastAPI:
    """Serves these facts."""
    app = _described()
    app.state.facts = facts
    app.state.streams = set()
    app.state.tally = Seldom()
    containers = world_of().containers
    app.state.lacks = looking.Kept(lambda: list(looking.lacks(facts.settings(), containers)))
    app.state.targets = looking.Kept(lambda: looking.targets(facts.settings(), containers))
    speak(app)
    app.add_middleware(Door, access=facts.access, limits=limits)
    return app


def document() -> dict[str, Any]:
    """The OpenAPI document, as `/openapi.json` has it."""
    return _described().openapi()


def _described() -> FastAPI:
    """No page comes with it: those of FastAPI load scripts from elsewhere."""
    app = FastAPI(title="Chaos Engine", version=__version__, description=ABOUT, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    routes = [*app.routes, *(route for router in ROUTERS for route in router.routes)]
    app.state.routes = [route for route in routes if isinstance(route, Route)]
    return app
