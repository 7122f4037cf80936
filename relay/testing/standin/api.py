"""One request to one answer: rate, path, method, key, content type and body are checked in this order."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from pydantic import TypeAdapter, ValidationError

from relay.normalise import bodies
from relay.testing.standin.answers import Answer, RefusedError, Shape, answer, invalid, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from relay.testing.standin.commerce import Commerce
    from relay.testing.standin.limits import Limits
    from relay.testing.standin.orders import Sender

BASE: Final = "/api/v1"
LARGEST: Final = 10 * 1024 * 1024
_KEY_NAMES: Final = ("key", "token", "auth", "secret")


@dataclass(slots=True)
class Call:
    """A request as it came. `path` is what follows the base, still percent-encoded; None outside the base."""

    method: str
    path: str | None
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    key: str
    """The API key of `Authorization: Bearer KEY`; empty where that is missing or malformed."""


class Endpoint(NamedTuple):
    adapter: TypeAdapter[Any]
    act: Callable[..., dict[str, Any]]
    status: int


class Api:
    """The Commerce API's contract over `commerce`. `keys` None takes any key that is not empty."""

    def __init__(self, commerce: Commerce, limits: Limits, shape: Shape, keys: set[str] | None) -> None:
        self.commerce = commerce
        self.limits = limits
        self.shape = shape
        self.keys = keys
        self._endpoints = {
            "/orders": Endpoint(bodies.ORDER, commerce.order, 202),
            "/checkouts": Endpoint(bodies.CHECKOUT, commerce.checkout, 200),
            "/products": Endpoint(bodies.PRODUCTS, commerce.upsert, 200),
            "/back-in-stock": Endpoint(bodies.STOCK, commerce.back_in_stock, 200),
            "/subscribers/events": Endpoint(bodies.EVENT, commerce.event, 200),
        }

    def refused_for_rate(self, key: str) -> Answer | None:
        seconds = self.limits.wait(key) if key else None
        if seconds is None:
            return None
        headers = ((b"retry-after", b"%d" % max(1, ceil(seconds))),) if self.limits.retry_after else ()
        return refusal(self.shape, RefusedError(429, "rate limit exceeded", headers=headers))

    def handle(self, call: Call, n: int, sender: Sender) -> Answer:
        """The answer to `call`, which is thereby done. `n` is the number of its record."""
        try:
            return self._handle(call, n, sender)
        except RefusedError as error:
            return refusal(self.shape, error)
        except ValidationError as error:
            return refusal(self.shape, invalid(error))

    def _handle(self, call: Call, n: int, sender: Sender) -> Answer:
        path = call.path or ""
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            return self._read(call, path)
        _require(call, "POST")
        self._authorise(call)
        _require_json(call)
        if len(call.body) > LARGEST:
            raise RefusedError(413, f"the body is larger than {LARGEST} bytes")
        body = endpoint.adapter.validate_json(call.body)
        return answer(endpoint.status, endpoint.act(body, n, sender))

    def _read(self, call: Call, path: str) -> Answer:
        folder, _, name = path.rpartition("/")
        if path != "/account" and (folder != "/products" or not name):
            raise RefusedError(404, "no such path")
        _require(call, "GET")
        self._authorise(call)
        if path == "/account":
            return answer(200, account(call.key))
        return answer(200, self.commerce.product(unquote(name)))

    def _authorise(self, call: Call) -> None:
        if call.query and any(_names_key(name) for name, _ in parse_qsl(call.query.decode("latin-1"))):
            raise RefusedError(401, "an API key is not accepted in the query; send Authorization: Bearer")
        if not call.key:
            raise RefusedError(401, "Authorization: Bearer <API key> is required")
        if self.keys is not None and call.key not in self.keys:
            raise RefusedError(401, "the API key is not valid")


def presented(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The API key in the headers of a request, as `Call.key`."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, key = value.partition(b" ")
            return key.decode("latin-1") if scheme == b"Bearer" and b" " not in key else ""
    return ""


def account(key: str) -> dict[str, Any]:
    return {
        "success": True,
        "account": {"id": "acc_standin", "name": "Stand-in"},
        "company": {"id": "com_standin", "name": "Stand-in"},
        "apiKey": {"last4": key[-4:], "preset": "full_access", "scopes": ["account:read"]},
    }


def _names_key(name: str) -> bool:
    return any(word in name.lower() for word in _KEY_NAMES)


def _require(call: Call, method: str) -> None:
    if call.method != method:
        allow = ((b"allow", method.encode()),)
        raise RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"use {method}", headers=allow)


def _require_json(call: Call) -> None:
    for name, value in call.headers:
        if name == b"content-type":
            if value == b"application/json" or _is_json(value):
                return
            break
    raise RefusedError(415, "Content-Type must be application/json")


def _is_json(content_type: bytes) -> bool:
    kind, _, parameters = content_type.lower().partition(b";")
    return kind.strip() == b"application/json" and parameters.strip() in (
        b"",
        b"charset=utf-8",
        b'charset="utf-8"',
    )
