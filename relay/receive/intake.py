"""The intake route. A bare ASGI application: it is the one path where every microsecond is paid per postback.

The checks come in this order: token, size, signature, body. An answer of 200 or 422 means that the postback
is on disk; 422 lists every fault to a sender that can mend them.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from pydantic_core import to_json
from starlette.types import Message, Receive, Scope, Send

from relay.errors import Fault, PostbackError, SignatureWrong, SpoolFull
from relay.journal.ids import Ids
from relay.journal.records import Receipt, Recording, Status
from relay.normalise import times
from relay.normalise.contract import Postback
from relay.receive.reading import read, recording, refuses
from relay.receive.sources import Gate, Verified, token_in

log: Final = structlog.get_logger()

PREFIX: Final = "/in/"
MAX_BODY: Final = 1024 * 1024
MAX_HEADERS: Final = 32 * 1024
_METHODS: Final = frozenset({"GET", "POST", "PUT", "HEAD"})


class Recorder(Protocol):
    """Where postbacks go. Raises SpoolFull where nothing can keep one now."""

    async def record(self, recording: Recording) -> Receipt: ...


class Tally(Protocol):
    """Counts what the intake did, by word."""

    def count(self, outcome: str) -> None: ...

    def kept(self, seconds: float) -> None:
        """A postback was read and stored in that time."""


class TooLarge(Exception):
    """The body is larger than MAX_BODY."""


class SenderGone(Exception):
    """The sender hung up before the body was whole; there is nobody to answer."""


class Intake:
    def __init__(
        self,
        gate: Gate,
        recorder: Recorder,
        tally: Tally,
        *,
        ids: Ids,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gate = gate
        self._recorder = recorder
        self._tally = tally
        self._clock = clock
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, body, headers = await self._answer(scope, receive)
        except SenderGone:
            self._tally.count("cut_off")
            return
        except TooLarge:
            self._tally.count("too_large")
            status, body, headers = 413, _problem(413, f"a postback may have {MAX_BODY} bytes"), _CLOSE
        await _send(send, status, body if scope["method"] != "HEAD" else b"", headers)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes, Headers]:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
            self._tally.count("headers_too_large")
            return 431, _problem(431, f"the headers may have {MAX_HEADERS} bytes"), _CLOSE
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        name, token = _name_and_token(scope, headers)
        admitted = self._gate.admit(name, token)
        if admitted is None:
            self._tally.count("refused")
            return 404, _STRANGER, _PROBLEM
        if scope["method"] not in _METHODS:
            self._tally.count("method")
            return 405, _problem(405, "a postback is a GET, POST or PUT"), _NOT_ALLOWED
        body = await _read_body(headers, receive)
        if scope["method"] == "HEAD":
            return 200, b"", _JSON
        postback = Postback(
            method=scope["method"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            received_at=self._clock(),
        )
        try:
            verified = admitted.verify(postback)
        except SignatureWrong as error:
            self._tally.count("signature_wrong")
            log.warning("intake.signature_wrong", source=name, error=str(error))
            return 404, _STRANGER, _PROBLEM
        return await self._record(verified, postback)

    async def _record(self, verified: Verified, postback: Postback) -> tuple[int, bytes, Headers]:
        began = time.perf_counter()
        found = read(verified.source, postback, verified.delivery_id)
        relay = self._ids.new(times.to_ms(postback.received_at))
        try:
            receipt = await self._recorder.record(recording(found, relay))
        except SpoolFull as error:
            self._tally.count("unavailable")
            log.error("intake.unavailable", source=verified.source.name, error=str(error))  # noqa: TRY400
            detail = "the postback was not stored; send it again"
            return 503, _problem(503, detail), (*_PROBLEM, (b"retry-after", b"5"))
        self._tally.kept(time.perf_counter() - began)
        outcome = found.outcome
        if isinstance(outcome, PostbackError) and refuses(found) and receipt.status == Status.IGNORED:
            self._tally.count("refused_to_sender")
            return 422, _faulty(receipt, outcome), _PROBLEM
        self._tally.count("copy" if receipt.duplicate else receipt.status)
        return 200, _receipt(receipt), _JSON


Headers = tuple[tuple[bytes, bytes], ...]
_JSON: Final[Headers] = ((b"content-type", b"application/json"),)
_PROBLEM: Final[Headers] = ((b"content-type", b"application/problem+json"),)
_NOT_ALLOWED: Final[Headers] = (*_PROBLEM, (b"allow", b"GET, POST, PUT, HEAD"))
_CLOSE: Final[Headers] = (*_PROBLEM, (b"connection", b"close"))


def _name_and_token(scope: Scope, headers: Mapping[str, str]) -> tuple[str, str]:
    path = scope["path"].removeprefix(PREFIX).rstrip("/")
    name, slash, token = path.partition("/")
    return name, (token if slash else token_in(headers))


async def _read_body(headers: Mapping[str, str], receive: Callable[[], Awaitable[Message]]) -> bytes:
    announced = headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:12]) > MAX_BODY:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":  # half a body is no postback
            raise SenderGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise TooLarge
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _receipt(receipt: Receipt) -> bytes:
    answer: dict[str, Any] = {"id": receipt.id, "status": receipt.status, "duplicate": receipt.duplicate}
    if receipt.reason:
        answer["reason"] = receipt.reason
    return to_json(answer)


def _problem(status: int, detail: str, **more: Any) -> bytes:
    """RFC 9457."""
    return json.dumps({"type": "about:blank", "status": status, "detail": detail, **more}).encode()


_STRANGER: Final = _problem(404, "there is no such source, or the token is wrong")
"""Also where the signature is: who may not send learns nothing."""


def _faulty(receipt: Receipt, error: PostbackError) -> bytes:
    errors = [{"pointer": _pointer(fault), "detail": fault.reason} for fault in error.faults]
    return _problem(422, f"{error.word}; mend it and send it again: {error}", id=receipt.id, errors=errors)


def _pointer(fault: Fault) -> str:
    """RFC 6901, in the form of a URI's fragment, as RFC 9457 shows it."""
    return "#" + "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in fault.path)


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
