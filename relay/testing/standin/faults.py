"""Misbehaviour on demand: what the stand-in does instead of answering as it should.

Faults stand in a queue. Each request takes the first that fits it; one with `times` is gone when used up, one
without stays until cleared. So `status(500)`, `status(429)`, `lose()` script the next three requests.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from relay.testing.standin.answers import BODYLESS, Answer, Shape, answer, error_body, is_success, phrase
from relay.testing.standin.api import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = Annotated[str, StringConstraints(pattern="^/"), AfterValidator(lambda path: path.removeprefix(BASE))]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$", to_lower=True)]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$")]
Kind = Literal["status", "delay", "drop", "lose", "html", "success_false", "redirect", "empty", "cut"]


class Fault(BaseModel):
    """One misbehaviour.

    status          answers `code`; a 2xx takes the request first, any other does not look at it
    delay           waits `delay` seconds, then does as it should (every other kind may wait, too)
    drop            closes the connection as if the request had never come; nothing is recorded
    lose            takes the request, then closes the connection without an answer
    html            200 with a web page; not taken
    success_false   200 with `"success": false`; not taken
    redirect        302 to `location`; not taken
    empty           takes the request, then 202 with an empty body
    cut             takes the request, then breaks off within the answer's body
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    times: Annotated[int, Field(ge=1)] | None = 1
    """How many requests; None: until cleared."""
    path: Path | None = None
    """Only requests of this path under the base, such as "/orders"."""
    order_id: str | None = None
    email: str | None = None
    delay: Annotated[float, Field(ge=0)] = 0
    code: Annotated[int, Field(ge=200, le=599)] = 500
    headers: dict[HeaderName, HeaderValue] = {}
    """Added to the answer, such as Retry-After."""
    message: str | None = None
    shape: Shape | None = None
    body: Any = None
    """Instead of the error's body: text as text/plain, anything else as JSON."""
    location: HeaderValue = "https://login.example/"
    fired: int = 0

    @property
    def takes(self) -> bool:
        """Whether the request is processed all the same."""
        return self.kind in _TAKING or (self.kind == "status" and is_success(self.code))

    @property
    def loses(self) -> bool:
        """Whether the sender cannot know that the request was taken."""
        return self.kind in ("lose", "cut")

    def fits(self, path: str, body: Mapping[str, Any]) -> bool:
        return (
            (self.path is None or self.path == path)
            and (self.order_id is None or body.get("orderId") == self.order_id)
            and (self.email is None or _email(body) == self.email.lower())
        )


_TAKING: Final = frozenset({"delay", "lose", "empty", "cut"})
_REPLACING: Final = frozenset({"status", "empty"})
FAULTS: Final[TypeAdapter[Fault | list[Fault]]] = TypeAdapter(Fault | list[Fault])


class Faults:
    """The queue. Every method that adds one takes `times`, `path`, `order_id`, `email` and `delay`, too."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._queue)

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, fault: Fault) -> Fault:
        """Appends `fault` and gives it back: its `fired` counts the requests it met."""
        self._queue.append(fault)
        return fault

    def clear(self) -> None:
        self._queue.clear()

    def status(self, code: int, **more: Any) -> Fault:
        """More: `headers`, `message`, `shape`, `body`."""
        return self.add(Fault(kind="status", code=code, **more))

    def delay(self, seconds: float, **more: Any) -> Fault:
        return self.add(Fault(kind="delay", delay=seconds, **more))

    def drop(self, **more: Any) -> Fault:
        return self.add(Fault(kind="drop", **more))

    def lose(self, **more: Any) -> Fault:
        return self.add(Fault(kind="lose", **more))

    def html(self, **more: Any) -> Fault:
        return self.add(Fault(kind="html", **more))

    def success_false(self, **more: Any) -> Fault:
        """More: `message`, `shape`, `body`."""
        return self.add(Fault(kind="success_false", **more))

    def redirect(self, location: str = "https://login.example/", **more: Any) -> Fault:
        return self.add(Fault(kind="redirect", location=location, **more))

    def empty(self, **more: Any) -> Fault:
        return self.add(Fault(kind="empty", **more))

    def cut(self, **more: Any) -> Fault:
        return self.add(Fault(kind="cut", **more))

    def take(self, path: str, body: bytes) -> Fault | None:
        """The fault this request meets, counted as used."""
        if not self._queue:
            return None
        fields = _fields(body) if any(f.order_id or f.email for f in self._queue) else {}
        fault = next((f for f in self._queue if f.fits(path, fields)), None)
        if fault is not None:
            fault.fired += 1
            if fault.fired == fault.times:
                self._queue = [f for f in self._queue if f is not fault]
        return fault


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _email(body: Mapping[str, Any]) -> str:
    customer = body.get("customer")
    found = customer.get("email") if isinstance(customer, dict) else body.get("email")
    return str(found).lower()


def spoiled(fault: Fault, shape: Shape, taken: Answer | None) -> Answer:
    """What `fault` makes of the answer. `taken` is the true one, where the fault takes the request."""
    if taken is not None and (fault.kind not in _REPLACING or not taken.accepted):
        return taken
    plain = _plain(fault, fault.shape or shape, taken)
    headers = dict(fault.headers)
    kind = headers.pop("content-type", plain.content_type.decode()).encode()
    added = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return Answer(plain.status, plain.body, kind, plain.headers + added)


def _plain(fault: Fault, shape: Shape, taken: Answer | None) -> Answer:
    match fault.kind:
        case "empty":
            return Answer(202)
        case "html":
            return Answer(200, b"<!doctype html><title>Welcome</title><h1>Log in</h1>", b"text/html")
        case "redirect":
            return Answer(302, headers=((b"location", fault.location.encode()),))
        case "success_false":
            return _written(fault, shape, 200, "the order could not be queued")
        case _ if taken is not None and fault.body is None:
            return Answer(fault.code, taken.body if fault.code not in BODYLESS else b"")
        case _:
            return _written(fault, shape, fault.code, phrase(fault.code))


def _written(fault: Fault, shape: Shape, status: int, message: str) -> Answer:
    if isinstance(fault.body, str):
        return Answer(status, fault.body.encode(), b"text/plain; charset=utf-8")
    usual = error_body(shape, status, fault.message or message)
    return answer(status, usual if fault.body is None else fault.body)
