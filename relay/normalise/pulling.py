"""What an adapter may also be: one who asks its platform. Requests out, answers in; still no I/O of its own.

An adapter class with a `Puller` says how:

    class AcmePuller:
        Api = AcmeApi               # a pydantic model of [sources.NAME.api]: address, credentials, pace

        def __init__(self, source: SourceContext, api: AcmeApi) -> None: ...
        def orders(self, since: date, until: date) -> Pull: ...
        def order(self, event: BookedEvent) -> Pull | None: ...
        def products(self) -> Pull: ...
        def trouble(self, answer: Answer) -> PullError | None: ...

A pull is a generator. It yields an `Ask` and is sent the `Answer`; it yields a `Found` for each thing it
found there, as a body that the adapter's own `read` understands, so that what was pulled and what was
posted go one way.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Protocol, TypeAlias

from pydantic import BaseModel

from relay.errors import PullError
from relay.normalise.events import BookedEvent


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. Whatever may hold a secret stays out of its representation."""

    method: str
    url: str
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: Any = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status and the text, whatever its content type claims."""

    status: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """One order, or one batch of products, as JSON for `read`."""

    body: bytes = field(repr=False)


Pull: TypeAlias = Generator[Ask | Found, Answer | None, None]


class Puller(Protocol):
    Api: ClassVar[type[BaseModel]]

    def __init__(self, source: Any, api: Any) -> None: ...

    @property
    def per_minute(self) -> int:
        """Requests a minute the platform bears."""
        ...

    def orders(self, since: date, until: date) -> Pull:
        """Orders that were changed from `since` to `until`, both included, in days of the platform's zone."""
        ...

    def order(self, event: BookedEvent) -> Pull | None:
        """The order that `event` is about, perhaps among others; None where it names nothing to ask by."""
        ...

    def products(self) -> Pull: ...

    def trouble(self, answer: Answer) -> PullError | None:
        """What is wrong with an answer. Only one that has nothing is sent into the pull."""
        ...
