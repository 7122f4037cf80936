"""The HTTP side: the Commerce API under its base, the control endpoints, and a page for people."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Mount, Route

from relay.testing.standin import page
from relay.testing.standin.answers import BODYLESS, Answer
from relay.testing.standin.api import BASE, LARGEST, Call, presented
from relay.testing.standin.faults import FAULTS, Fault, spoiled
from relay.testing.standin.records import Record, masked
from relay.testing.standin.server import EXTENSION

if TYPE_CHECKING:
    import asyncio

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from relay.testing.standin.orders import Sender
    from relay.testing.standin.state import State

SHOWN = 100


def build(standin: State) -> Starlette:
    control = Control(standin)
    return Starlette(
        routes=[
            Mount(
                "/_standin",
                routes=[
                    Route("/", control.page),
                    Route("/received", control.received),
                    Route("/faults", control.faults, methods=["GET", "POST", "DELETE"]),
                    Route("/keys", control.keys, methods=["PUT"]),
                    Route("/reset", control.reset, methods=["POST"]),
                ],
                middleware=[Middleware(SameSite)],
            ),
            Route("/", control.page),
            Route("/_standin", control.page),
            Mount("", Calls(standin)),
        ]
    )


class Calls:
    """Every path that is not the stand-in's own: spoiled where a fault says so, recorded, answered."""

    def __init__(self, standin: State) -> None:
        self._standin = standin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        standin = self._standin
        call = _call(scope, body)
        connection: asyncio.Transport = scope["extensions"][EXTENSION]["transport"]
        fault = None
        reply = standin.api.refused_for_rate(call.key)
        if reply is None:
            fault = standin.faults.take(call.path or "", body)
            if fault is not None and await self._vanishes(fault):
                await _break_off(connection, receive)
                return
            reply = self._reply(call, fault, gone=connection.is_closing())
        self._record(call, scope["path"], reply, fault)
        if fault is not None and fault.kind == "lose":
            await _break_off(connection, receive)
        elif fault is not None and fault.kind == "cut":
            await _send(send, reply, missing=64)
            connection.close()
            await _gone(receive)
        else:
            await _send(send, reply)

    async def _vanishes(self, fault: Fault) -> bool:
        """Waits as `fault` says; gives whether the request is to be forgotten."""
        self._standin.records.changed()  # somebody may wait for the fault to be met
        stopped = bool(fault.delay) and await self._standin.pause(fault.delay)
        return stopped or fault.kind == "drop"

    def _reply(self, call: Call, fault: Fault | None, *, gone: bool) -> Answer:
        api = self._standin.api
        n = self._standin.records.received_total + 1
        if fault is None:
            return api.handle(call, n, "gone" if gone else "waits")
        sender: Sender = "gone" if gone else "loses" if fault.loses else "waits"
        taken = api.handle(call, n, sender) if fault.takes else None
        return spoiled(fault, api.shape, taken)

    def _record(self, call: Call, path: str, reply: Answer, fault: Fault | None) -> None:
        records = self._standin.records
        records.add(
            Record(
                n=records.received_total + 1,
                at=time.time(),
                method=call.method,
                path=path,
                key=masked(call.key),
                status=reply.status,
                fault=fault.kind if fault else None,
                accepted=reply.accepted and (fault is None or fault.takes),
                raw=call.body,
                raw_headers=call.headers,
            )
        )


async def _read(receive: Receive) -> bytes | None:
    """The body, kept no further than shows it is over LARGEST; None where the sender went away within."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= LARGEST:
            body += message["body"]
        if not message["more_body"]:
            return body


def _call(scope: Scope, body: bytes) -> Call:
    raw = scope["raw_path"].decode("latin-1")
    path = raw.removeprefix(BASE) if raw.startswith(BASE) else None
    headers = scope["headers"]
    return Call(scope["method"], path, scope["query_string"], headers, body, presented(headers))


async def _send(send: Send, reply: Answer, missing: int = 0) -> None:
    """`missing` bytes more are announced than sent."""
    headers = list(reply.headers)
    if reply.status not in BODYLESS:
        headers.append((b"content-type", reply.content_type))
        headers.append((b"content-length", b"%d" % (len(reply.body) + missing)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": bool(missing)})


async def _break_off(connection: asyncio.Transport, receive: Receive) -> None:
    connection.abort()
    await _gone(receive)


async def _gone(receive: Receive) -> None:
    """Until uvicorn has noticed, which would otherwise answer 500 for us."""
    while (await receive())["type"] != "http.disconnect":
        pass


class SameSite:
    """A page of some other site, open in the same browser, must not control the stand-in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        site = dict(scope["headers"]).get(b"sec-fetch-site")
        foreign = site == b"cross-site" and scope["method"] != "GET"
        app = Response("another site may not control this", 403) if foreign else self._app
        await app(scope, receive, send)


class Control:
    """What scripts and people use to watch and steer a stand-in in another process."""

    def __init__(self, standin: State) -> None:
        self._standin = standin

    async def page(self, _: Request) -> Response:
        newest = list(self._standin.records.received)[: -SHOWN - 1 : -1]
        text = page.render(newest, self._standin.records.received_total, self._standin.violations)
        return Response(text.encode(errors="replace"), headers=page.HEADERS)

    async def received(self, request: Request) -> Response:
        """`?limit=` newest only."""
        limit = request.query_params.get("limit", "")
        return _response(self._standin.plain(int(limit) if limit.isdecimal() else None))

    async def faults(self, request: Request) -> Response:
        """POST adds one fault or a list of them, DELETE clears, GET shows those in force."""
        faults = self._standin.faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            try:
                added = FAULTS.validate_json(await request.body())
            except ValidationError as error:
                return _response(
                    error.errors(include_url=False, include_context=False, include_input=False), 400
                )
            for fault in added if isinstance(added, list) else [added]:
                faults.add(fault)
        return _response([fault.model_dump() for fault in faults])

    async def keys(self, request: Request) -> Response:
        """`{"keys": [...]}` accepts these only, `{"keys": null}` any."""
        try:
            keys = json.loads(await request.body())["keys"]
            self._standin.keys = None if keys is None else {str(key) for key in keys}
        except (ValueError, TypeError, KeyError):
            return _response('send {"keys": ["..."]} or {"keys": null}', 400)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def reset(self, _: Request) -> Response:
        self._standin.reset()
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _response(content: object, status: int = 200) -> Response:
    if status != HTTPStatus.OK:
        content = {"error": content}
    # ASCII, because a refused body may hold half a surrogate pair
    return Response(json.dumps(content).encode(), status, media_type="application/json")
