"""What an adapter is: it reads one platform's language. Bytes in, events out; no I/O, no clock, no state.

An adapter registers under the entry-point group `relay.adapters` as a class the relay calls with the
validated options of one source:

    class Acme:
        name = "acme"
        Options = AcmeOptions                   # a pydantic model of [sources.NAME.options]
        dropped = frozenset({"cardnumber"})     # normalised field names never stored

        def __init__(self, source: SourceContext, options: AcmeOptions) -> None: ...
        def read(self, postback: Postback) -> Reading: ...

`read` returns what happened, or that nothing did, or raises one of the three errors of `relay.errors`:

    Events(...)      one or more events
    Ignored(reason)  understood, and on purpose nothing to send
    Malformed        the bytes cannot be read
    Unsupported      no known word says what happened; never guess a sale
    Unmappable       a field is missing or wrong: name it, or all of them with `Unmappable.of`

A class may also say, each with a safe default:

    timezone = "America/New_York"   of its local times, where the source sets none
    signing = Signing(...)          how the platform signs, so that a source needs only the secrets
    topic_header = "x-acme-topic"   tells what happened, so that one body under two topics is no copy
    can_correct = False             its senders cannot mend what they send: a fault is answered 200 and is
                                    a dead letter, signed or not; True: 422, signed or not
    def meanings(self): ...         what the platform says and what that becomes with these options, as rows
                                    of `Meaning`, for the page of sources
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from relay.normalise.events import Event, Kind


@dataclass(frozen=True, slots=True)
class Postback:
    """The request as it came, without the path (which holds the token). Header names are lower case."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What of a source's settings every adapter may need.

    `currency` stands where the platform does not say one; `timezone` is that of its local times.
    """

    name: str
    currency: str | None = None
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Signing:
    """How a sender signs a request: an HMAC of parts of it, in `header`, behind `prefix`.

    `signed` is what the HMAC is made of: `{body}`, the raw bytes, and where the scheme has them `{timestamp}`
    and `{id}`, the values of their headers. `key`: whether the secret is text, or base64 of the key.
    `ping` matches a whole body that the platform sends unsigned, and that must say nothing.
    """

    header: str
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    id_header: str = ""
    key: Literal["text", "base64"] = "text"
    ping: str = ""


STANDARD_WEBHOOKS: Final = Signing(
    header="webhook-signature",
    encoding="base64",
    prefix="v1,",
    signed="{id}.{timestamp}.{body}",
    timestamp_header="webhook-timestamp",
    id_header="webhook-id",
    key="base64",
)
"""https://www.standardwebhooks.com: the id is that of the delivery, the same in each try."""


@dataclass(frozen=True, slots=True)
class Events:
    """At least one event. `warnings` are shown to people beside the relay: an unreplaced macro, a symbol.

    `delivery_id` is the sender's own id of this delivery, where it has one: a second request with the same
    id is a copy, whatever its bytes.
    """

    events: tuple[Event, ...]
    warnings: tuple[str, ...] = ()
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to send, on purpose. `reason` is a short lower-case phrase: "declined", "test order"."""

    reason: str
    delivery_id: str | None = None


Reading: TypeAlias = Events | Ignored


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row for people: the words or topics `said`, and the kind of event they become, "" where they are
    ignored. `note`: when, why, or by which option.
    """

    said: tuple[str, ...]
    kind: Kind | Literal[""]
    note: str = ""


class Adapter(Protocol):
    name: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    dropped: ClassVar[frozenset[str]]
    """Field names (lower case, letters and digits only) whose values are never stored: card, bank, tokens."""

    def __init__(self, source: SourceContext, options: BaseModel) -> None: ...

    def read(self, postback: Postback) -> Reading:
        """The same postback always gives the same reading. Raises only the errors named above."""
        ...
