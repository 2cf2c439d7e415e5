"""Errors over HTTP: RFC 9457 problem documents that name the culprit and the remedy.

References:
    RFC 9457, Problem Details for HTTP APIs, https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

__all__ = ["Problem", "ProblemError", "install", "problem_response"]

MEDIA_TYPE = "application/problem+json"

REMEDIES: Mapping[int, str] = {
    401: "Send the API key as `Authorization: Bearer KEY`, or open the printed address.",
    404: "See /api/v1/openapi.json for the paths there are.",
    405: "See /api/v1/openapi.json for the methods this path takes.",
    422: "Mend the parameter it names; /api/v1/openapi.json lists what it may be.",
}


class Problem(BaseModel):
    """A problem document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(description="`urn:atomloop:problem:` and the stable name of the error.")
    title: str = Field(description="What is wrong, in one sentence.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="What exactly is wrong here, naming the culprit.")
    remedy: str = Field(description="What the caller can do about it.")


class ProblemError(Exception):
    """Raised by an endpoint to answer with a problem document.

    Args:
        status: HTTP status code.
        code: Stable name of the error, kebab case.
        detail: What is wrong, naming the culprit.
        remedy: What the caller can do.
    """

    def __init__(self, status: int, code: str, detail: str, *, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(
            type=f"urn:atomloop:problem:{code}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            remedy=remedy,
        )


def problem_response(error: ProblemError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response that carries a problem document.

    Args:
        error: The problem.
        headers: Further headers of the response.
    """
    problem = error.problem
    return JSONResponse(
        problem.model_dump(), problem.status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem document.

    Args:
        app: The application.
    """

    @app.exception_handler(ProblemError)
    async def on_problem(request: Request, error: ProblemError) -> JSONResponse:
        del request
        return problem_response(error)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        status = error.status_code
        return problem_response(
            ProblemError(
                status,
                "http",
                f"{request.method} {request.url.path}: {HTTPStatus(status).phrase.lower()}.",
                remedy=REMEDIES.get(status, "See /api/v1/openapi.json."),
            ),
            error.headers,
        )

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        del request
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        return problem_response(
            ProblemError(422, "invalid", f"{where}: {first['msg']}.", remedy=REMEDIES[422])
        )

    @app.exception_handler(Exception)
    async def on_fault(request: Request, error: Exception) -> JSONResponse:
        del error  # logged by the server; internals stay inside
        return problem_response(
            ProblemError(
                500,
                "internal",
                f"{request.method} {request.url.path} failed inside the service.",
                remedy="The service's log names the cause; please report it as a fault.",
            )
        )
