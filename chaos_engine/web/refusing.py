"""Every error is JSON with a sentence: how refusals look, and which an endpoint may give."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route

from chaos_engine.web.facts import RefusalError
from chaos_engine.web.readers import JournalUnreadableError
from chaos_engine.web.replies import Problem


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def speak(app: FastAPI) -> None:
    """Give every error of the application its sentence."""
    app.add_exception_handler(RefusalError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(JournalUnreadableError, _unreadable)
    app.add_exception_handler(Exception, _broken)


def problem(
    status: int, sentence: str, rule: str = "", headers: dict[str, str] | None = None
) -> JSONResponse:
    """The answer."""
    return JSONResponse({"error": sentence, "rule": rule}, status, headers)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusalError)  # noqa: S101
    return problem(error.status, error.sentence, error.rule)


async def _malformed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    told = (f"{'.'.join(map(str, each['loc'])) or 'the request'}: {each['msg']}" for each in error.errors())
    return problem(422, "; ".join(told))


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    path = request.url.path[:100]
    said = {404: f"there is no {path!r}; /openapi.json lists what there is",
            405: f"{path!r} does not take {request.method}"}  # fmt: skip
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else None  # noqa: PLR2004
    return problem(error.status_code, said.get(error.status_code, error.detail), headers=headers)


def _allowed(request: Request) -> list[str]:
    """Of every route with this path: Starlette names those of the first one only."""
    routes: list[Route] = request.app.state.routes
    fitting = [route for route in routes if route.path_regex.match(request.url.path)]
    return sorted({method for route in fitting for method in route.methods or ()})


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error))


async def _broken(_: Request, error: Exception) -> JSONResponse:
    return problem(500, f"a defect of the API: {type(error).__name__}")
