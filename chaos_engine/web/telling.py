"""Everything that can be read: open to whoever reaches the engine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import SystemRandom
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from chaos_engine import effective
from chaos_engine.config import Settings
from chaos_engine.journal import Journal
from chaos_engine.model import Verdict
from chaos_engine.outlook import outlook
from chaos_engine.overview import overview
from chaos_engine.web import replies
from chaos_engine.web.facts import RefusalError, facts_of
from chaos_engine.web.plainness import plain
from chaos_engine.web.refusing import refusals
from chaos_engine.web.seldom import Seldom
from scenarios.registry import names

MOST_STARTS = 1000
MOST_DAYS = 366.0
MOST_ROWS = 200

router = APIRouter(prefix="/api", tags=["see"], responses=refusals(400, 421, 422, 429, 500, 503))
Name = Annotated[str | None, Query(max_length=200)]
Moment = Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False)]


@router.get("/status", response_model=replies.Status)
async def status(request: Request) -> Response:
    """How the engine stands: switches, what is in, what comes next, the weights asked for and seen."""
    facts = facts_of(request)
    age = facts.heartbeat_age
    kept: Seldom[Mapping[str, int]] = request.app.state.tally  # of a million experiments it takes a while

    def look(journal: Journal) -> dict[str, Any]:
        tally = kept.get(journal.tally)
        return overview(journal, running=True, heartbeat_age=age, now=time.time(), tally=tally)

    return JSONResponse(plain(await facts.reading.ask(look)))


@router.get("/scenarios", response_model=replies.Scenarios)
async def scenarios(request: Request) -> Response:
    """The weighted scenarios, and the names of all that can be injected by hand."""
    facts = facts_of(request)
    weights = await facts.reading.ask(_weights)
    return JSONResponse(_scenarios(facts.settings(), weights))


@router.get("/plan", response_model=replies.Plan)
async def plan(
    request: Request,
    days: Annotated[float | None, Query(gt=0, le=MOST_DAYS, allow_inf_nan=False)] = None,
    count: Annotated[int | None, Query(ge=1, le=MOST_STARTS)] = None,
    seed: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> Response:
    """What would be injected from now on, as the settings stand; with `days` at most 1000 starts."""
    facts = facts_of(request)
    settings, now = facts.settings(), time.time()
    chosen = next((s for s in (seed, settings.seed) if s is not None), None)
    used = SystemRandom().randrange(2**31) if chosen is None else chosen
    most = MOST_STARTS if count is None and days is not None else count
    return JSONResponse(await facts.reading.work(lambda: outlook(settings, used, now, days, most)))


@router.get("/history", response_model=replies.Page)
async def history(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 20,
    scenario: Name = None,
    target: Name = None,
    verdict: Verdict | None = None,
    since: Moment = None,
    until: Moment = None,
    before: Annotated[str | None, Query(max_length=50)] = None,
) -> Response:
    """Experiments, the newest first. `since`, `until`: Unix seconds; `before`: `next` of the page before."""

    def page(journal: Journal) -> list[dict[str, Any]]:
        return journal.history(
            limit + 1, scenario=scenario or "", target=target or "", verdict=verdict.value if verdict else "",
            since=since, until=until, before=before,
        )  # fmt: skip

    rows = await facts_of(request).reading.ask(page)
    more = rows[limit - 1]["id"] if len(rows) > limit else None
    return JSONResponse({"experiments": plain(rows[:limit]), "next": more})


@router.get("/history/{id}", response_model=replies.WholeExperiment, responses=refusals(404))
async def experiment(request: Request, id: Annotated[str, Path(max_length=50)]) -> Response:  # noqa: A002
    """One experiment with its plan, and all the evidence of its verdict."""
    row = await facts_of(request).reading.ask(lambda journal: journal.find(id))
    if row is None:
        raise RefusalError(404, f"there is no experiment {id!r}; /api/history lists them")
    # The snapshot is for the next engine alone: it has what undoing needs, and that may be secret.
    return JSONResponse(plain({key: value for key, value in row.items() if key != "snapshot"}))


@router.get("/settings", response_model=replies.EffectiveSettings)
async def settings(request: Request) -> Response:
    """The settings that the daemon runs on, and what was changed of them while it runs."""
    facts = facts_of(request)
    kept = await facts.reading.ask(lambda journal: journal.get("settings") or {})
    now = facts.settings()  # the journal has them a moment later
    found = {"source": now.source, "schedule": effective.schedule(now), "weights": effective.weights(now),
             "seed": now.seed, "changes": {}}  # fmt: skip
    return JSONResponse(plain({**found, **kept}))


@router.get("/approvals", response_model=replies.Approvals)
async def approvals(request: Request) -> Response:
    """What waits, or waited, for an approval."""
    found = await facts_of(request).reading.ask(lambda journal: journal.get("approvals") or [])
    return JSONResponse({"approvals": plain(found)})


def _weights(journal: Journal) -> Mapping[str, float]:
    """The effective ones: they may have been changed while the engine runs."""
    kept = journal.get("settings") or {}
    return dict(kept.get("weights") or {})


def _scenarios(settings: Settings, changed: Mapping[str, float]) -> dict[str, Any]:
    choices = settings.rules.choices
    weights = {choice.label: changed.get(choice.label, choice.weight) for choice in choices}
    total = sum(weights.values())
    found = [
        {
            "name": choice.label,
            "scenario": _kind(settings, choice.label),
            "weight": weights[choice.label],
            "share": weights[choice.label] / total if total else 0.0,
            "targets": list(choice.targets),
        }
        for choice in choices
    ]
    return {"scenarios": found, "known": sorted({*weights, *names(settings.scenarios)})}


def _kind(settings: Settings, label: str) -> str:
    """The scenario that stands under the key, which is free."""
    steps = (e.steps for (name, _), e in settings.experiments.items() if name == label)
    return next((each[0].scenario for each in steps), label)
