"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


class FaultView(BaseModel):
    """What is wrong with one field of what was sent."""

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457. `say`: with that word set to true in the body, it is done nevertheless."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    say: str | None = None
    faults: list[FaultView] | None = None


class Declined(Exception):
    """A request is not done; the sender is told why."""

    def __init__(
        self, status: int, detail: str, *, say: str = "", faults: list[FaultView] | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(
            title=HTTPStatus(status).phrase, status=status, detail=detail, say=say or None, faults=faults
        )


def answer(told: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        told.model_dump_json(exclude_none=True),
        told.status,
        dict(headers) if headers else None,
        media_type="application/problem+json",
    )


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return answer(Declined(status, detail).problem, headers)


async def http_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return problem(500, "an error of ours; see the log")
    return problem(error.status_code, error.detail, error.headers)


async def sealed_problem(_: Request, error: Exception) -> Response:
    """What was asked for cannot be opened: VaultShut, which names the key and nothing else."""
    return problem(503, str(error))
