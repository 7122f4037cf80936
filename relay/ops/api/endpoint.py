"""One endpoint: what it is asked, what it answers, and how both are read and written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from relay.ops.api.asked import Asked
from relay.ops.api.problems import Declined, FaultView
from relay.ops.core import Done, Refused
from relay.ops.filters import advice_on
from relay.ops.models import Acted

Model = TypeVar("Model", bound=Asked)
ACTOR: Final = "api"
_MOST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was read: the path's names, the query and the body, each as its model."""

    path: Mapping[str, str]
    query: Any
    body: Any


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`handler` answers with `answer`, or raises Declined with one of `problems`."""

    method: str
    path: str
    says: str
    handler: Callable[[Call], Awaitable[BaseModel]]
    answer: type[BaseModel]
    query: type[Asked] | None = None
    body: type[Asked] | None = None
    problems: tuple[int, ...] = ()
    status: int = 200
    also: Mapping[int, type[BaseModel]] = field(default_factory=dict)

    async def __call__(self, request: Request) -> Response:
        """Raises Declined where what is asked cannot be read."""
        query = _query(self.query, request) if self.query else None
        body = await _body(self.body, request) if self.body else None
        told = await self.handler(Call(request.path_params, query, body))
        status = next((code for code, kind in self.also.items() if isinstance(told, kind)), self.status)
        return Response(told.model_dump_json(), status, media_type="application/json")


def acted(done: Done | Refused, on: str = "") -> Acted:
    """What came of an act on `on`. Raises Declined where it was refused."""
    if isinstance(done, Refused):
        raise Declined(404 if done.missing else 409, done.advice, say=done.word)
    return Acted(id=on or done.relay, status=done.status)


def _query(model: type[Model], request: Request) -> Model:
    said = Counter(key for key, _ in request.query_params.multi_items())
    twice = next((key for key, times in said.items() if times > 1), None)
    if twice is not None:
        raise Declined(400, f"{twice[:40]!r} is said twice")
    params = {key: value for key, value in request.query_params.items() if value}
    try:
        return model.model_validate(params)
    except ValidationError as error:
        raise Declined(400, _first(error, model)) from None


async def _body(model: type[Model], request: Request) -> Model:
    told = await _bytes(request) or b"{}"
    try:
        return model.model_validate_json(told, strict=True)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
            raise Declined(400, "the body is no JSON") from None
        faults = [
            FaultView(field=".".join(map(str, fault["loc"])), message=fault["msg"])
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise Declined(422, _first(error, model), faults=faults) from None


async def _bytes(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise Declined(413, f"a body may have {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "the body"
    if first["type"] == "extra_forbidden":
        return advice_on(str(first["loc"][-1]), tuple(_within(model, first["loc"][:-1]).model_fields))
    return f"{where}: {first['msg']}"


def _within(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    """The model that the field at `path` is read with."""
    for step in path:
        inner = model.model_fields[str(step)].annotation
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    return model
