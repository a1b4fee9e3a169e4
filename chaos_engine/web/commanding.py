"""Everything that changes something: a command to the engine, through the journal, as an operator's own."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.security import HTTPBearer

from chaos_engine import durations
from chaos_engine.commands import WHO, WHY
from chaos_engine.hand_checks import unfit, unknown
from chaos_engine.web import replies
from chaos_engine.web.facts import Facts, RefusalError, facts_of
from chaos_engine.web.refusing import refusals
from chaos_engine.web.requests import Asked, Change, Injection

POLL = 0.05
PATIENCE = 10.0  # seconds in which a daemon that runs takes a command
_REFUSED = 409
_RULE = re.compile(r"\((\w+)\)$")

# The door checks the token; here it is only told to those who read the document.
router = APIRouter(
    prefix="/api",
    tags=["steer"],
    dependencies=[Depends(HTTPBearer(auto_error=False, description="CHAOS_API_TOKEN"))],
    responses=refusals(400, 401, 403, 408, 409, 413, 421, 422, 429, 500, 503),
)


@router.post("/inject", response_model=replies.Injected, responses=refusals(404))
async def inject(request: Request, asked: Injection) -> Mapping[str, Any]:
    """Inject one fault now; follow it at `/api/history/{experiment}`. 409: a rule forbids it for now."""
    facts = facts_of(request)
    settings = facts.settings()
    if problems := list(unknown(settings, asked.scenario, asked.target)):
        raise RefusalError(404, "; ".join(problems))
    if problem := unfit(settings, asked.scenario, asked.target):
        raise RefusalError(409, problem, "target")
    arguments: dict[str, Any] = {"scenario": asked.scenario, "target": asked.target, "now": asked.now}
    if asked.hold is not None:
        arguments["for"] = durations.parse(asked.hold)
    return await obeyed(request, facts, "inject", asked, arguments)


@router.post("/clear", response_model=replies.Cleared)
async def clear(request: Request, asked: Asked | None = None) -> Mapping[str, Any]:
    """Clear everything that is in."""
    facts = facts_of(request)
    faults = await facts.asking.ask(lambda journal: [fault.id for fault in journal.open_faults()])
    outcome = await obeyed(request, facts, "clear", asked)
    return {"experiments": outcome["cleared"], "faults": sorted(faults)}


@router.post("/halt", response_model=replies.Switches)
async def halt(request: Request, asked: Asked | None = None) -> Mapping[str, Any]:
    """Clear everything, and inject nothing until resumed; also after a restart."""
    return await obeyed(request, facts_of(request), "halt", asked)


@router.post("/pause", response_model=replies.Switches)
async def pause(request: Request, asked: Asked | None = None) -> Mapping[str, Any]:
    """Start nothing on the schedule until resumed."""
    return await obeyed(request, facts_of(request), "pause", asked)


@router.post("/resume", response_model=replies.Switches)
async def resume(request: Request, asked: Asked | None = None) -> Mapping[str, Any]:
    """Lift pause and halt."""
    return await obeyed(request, facts_of(request), "resume", asked)


@router.patch("/settings", response_model=replies.Changed)
async def change(request: Request, asked: Change) -> Mapping[str, Any]:
    """Change settings of the running engine. 409: it refuses one of them, and changes none."""
    return await obeyed(
        request, facts_of(request), "settings", asked, {"changes": asked.changes, "reset": asked.reset}
    )


@router.post("/approvals/{id}", response_model=replies.Approval, responses=refusals(404))
async def approve(
    request: Request,
    id: Annotated[str, Path(max_length=50)],  # noqa: A002
    asked: Asked | None = None,
) -> Mapping[str, Any]:
    """Approve what waits for it. 409: it does not wait any more."""
    facts = facts_of(request)
    try:
        return dict((await obeyed(request, facts, "approve", asked, {"id": id}))["approval"])
    except RefusalError as refused:
        every = await facts.asking.ask(lambda journal: journal.get("approvals") or [])
        if refused.status != _REFUSED or id in {approval["id"] for approval in every}:
            raise
        raise RefusalError(404, refused.sentence) from None


async def obeyed(
    request: Request, facts: Facts, kind: str, asked: Asked | None, arguments: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """What the engine made of it. RefusalError: 409 with its own sentence, 503 where it does not answer."""
    who = (asked.who if asked else "") or (request.client.host if request.client else "")
    said = {WHO: who, WHY: asked.reason if asked else "", **(arguments or {})}
    command = await facts.asking.ask(lambda journal: journal.post(kind, said, time.time()))
    outcome = await _outcome(facts, command)
    if "error" in outcome:
        sentence = str(outcome["error"])
        found = _RULE.search(sentence)
        raise RefusalError(_REFUSED, sentence, str(outcome.get("rule") or (found[1] if found else "")))
    return outcome


async def _outcome(facts: Facts, command: int) -> Mapping[str, Any]:
    ends = time.monotonic() + PATIENCE
    while (outcome := await facts.asking.ask(lambda journal: journal.outcome(command))) is None:
        if time.monotonic() > ends:
            withdrawn = await facts.asking.ask(lambda journal: journal.withdraw(command, time.time()))
            state = "the command was withdrawn" if withdrawn else "it took it, and may still obey"
            raise RefusalError(
                503, f"the engine did not answer within {PATIENCE:g} s (is it frozen?); {state}"
            )
        await asyncio.sleep(POLL)
    return outcome
