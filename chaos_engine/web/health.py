"""Is it alive, is it ready, and what has it counted; and the targets, which are looked at in the same way."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chaos_engine.journal import Journal
from chaos_engine.overview import SILENT
from chaos_engine.web import replies
from chaos_engine.web.facts import Facts, facts_of
from chaos_engine.web.readers import JournalUnreadableError
from chaos_engine.web.refusing import refusals

router = APIRouter(tags=["see"], responses=refusals(400, 421, 422, 429, 500))


@router.get("/healthz", response_model=replies.Alive, responses={503: {"model": replies.Alive}})
async def healthz(request: Request) -> Response:
    """Whether the engine gives signs of life; 503 where it has been silent for 10 s."""
    age = facts_of(request).heartbeat_age
    alive = age is not None and age <= SILENT
    return JSONResponse({"alive": alive, "heartbeat_age": age}, 200 if alive else 503)


@router.get("/readyz", response_model=replies.Ready, responses={503: {"model": replies.Ready}})
async def readyz(request: Request) -> Response:
    """Whether earlier faults are dealt with and the sources answer; 503 with what lacks. Kept for 5 s."""
    facts = facts_of(request)
    found = list(_engine(facts))
    try:
        found += await facts.reading.ask(lambda journal: list(_left(journal)))
    except JournalUnreadableError as error:
        found.append(str(error))
    found += await request.app.state.lacks.get()
    return JSONResponse({"ready": not found, "lacks": found}, 503 if found else 200)


@router.get("/api/targets", response_model=replies.Targets, responses=refusals(503))
async def targets(request: Request) -> Response:
    """What can be hurt, and which containers are not targets. Docker is asked at most every 5 s."""
    return JSONResponse(await request.app.state.targets.get())


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """For Prometheus."""
    return Response(generate_latest(facts_of(request).registry), media_type=CONTENT_TYPE_LATEST)


def _engine(facts: Facts) -> Iterator[str]:
    """The engine gives its first sign of life when it has taken on what an earlier one left."""
    if not facts.reconciled():
        yield "the engine has not yet looked at what an earlier one left"
    elif (facts.heartbeat_age or 0.0) > SILENT:
        yield f"the engine has been silent for {facts.heartbeat_age:.0f} s"


def _left(journal: Journal) -> Iterator[str]:
    """Faults whose experiment is over: they are still to be cleared."""
    for fault in journal.open_faults():
        row = journal.find(fault.experiment)
        if row is None or row["result"] is not None:
            yield f"{fault.scenario} on {fault.target.name} ({fault.id}) is still to be cleared"
