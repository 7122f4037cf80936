"""From a postback to what the journal records: read by the adapter, dropped of secrets, never lost.

Whatever the adapter raises, there is a recording: a reading that failed is a relay that is dead at once, or
ignored where its sender was told what to mend.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeAlias

import structlog
from pydantic_core import to_json

from relay.errors import AdapterBroke, Malformed, PostbackError
from relay.journal import codec, ids
from relay.journal.records import BookEntry, Recording, RelayDetail, Status
from relay.log import broken
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.contract import Events, Ignored, Postback
from relay.normalise.events import BOOKED, Event, ProductsUpserted
from relay.normalise.scrub import scrub
from relay.receive.sources import BOOKED_WINDOW, OTHER_WINDOW, Source

log: Final = structlog.get_logger()
Outcome: TypeAlias = Events | Ignored | PostbackError

_LONG_ENOUGH: Final = 8
"""Letters of a token that stands by chance in no order."""

_OF_ONE_CALL: Final = frozenset({"properties", "customer_totals"})
_ORDERS: Final = frozenset(kind for kind in normalised.KINDS if kind.startswith("order."))
_ENDPOINTS: Final = {
    "checkout.started": "checkouts",
    "products.upserted": "products",
    "stock.requested": "stock",
    "customer.event": "events",
}


@dataclass(frozen=True, slots=True)
class Read:
    """A postback and what became of it; `copy` is the digest by which a second one is known.

    `delivery_id` is the sender's own, signed; the adapter may have found another.
    """

    source: Source
    outcome: Outcome
    postback: Postback
    copy: str
    delivery_id: str = ""


def read(source: Source, postback: Postback, delivery_id: str = "") -> Read:
    """Never raises: an adapter that breaks its contract costs nobody the record."""
    outcome = _outcome(source, postback)
    return Read(source, outcome, postback, copy_digest(source, postback), delivery_id)


def refuses(found: Read) -> bool:
    """Whether the sender is told to mend it, so that nobody else has to."""
    return (
        found.source.can_correct
        and isinstance(found.outcome, PostbackError)
        and not isinstance(found.outcome, AdapterBroke)
    )


def _outcome(source: Source, postback: Postback) -> Outcome:
    try:
        return source.adapter.read(postback)
    except PostbackError as error:
        return error
    except Exception as error:  # noqa: BLE001 - any fault of an adapter, and the record must still be written
        return _broke(source, error)


def _broke(source: Source, error: Exception) -> AdapterBroke:
    kind = type(error).__name__
    log.error("adapter.broke_contract", adapter=source.adapter.name, **broken(error))
    return AdapterBroke(f"the adapter {source.adapter.name} failed on it ({kind}); report it, then retry")


def copy_digest(source: Source, postback: Postback) -> str:
    """Of method, query, body and topic, tokens left out: two tokens in rotation make no second postback.

    A short token stays in: without each "7" in them, the orders 17 and 1 would be one.
    """
    digest = hashlib.blake2b(digest_size=12)
    parts = [postback.method.encode(), postback.query.encode(), postback.body]
    if source.topic_header:
        parts.append(postback.headers.get(source.topic_header, "").encode())
    for part in parts:
        bare = part
        for token in source.tokens:
            if len(token) >= _LONG_ENOUGH:
                bare = bare.replace(token.encode(), b"")
        digest.update(len(bare).to_bytes(8))
        digest.update(bare)
    return digest.hexdigest()


def recording(found: Read, relay: str) -> Recording:
    """What the journal stores of `found` under the id `relay`.

    Where what the adapter made of it cannot be written down, the postback is recorded all the same.
    """
    try:
        return written(found, relay)
    except Exception as error:  # noqa: BLE001 - what an adapter answers is no more to be trusted than what it raises
        return written(replace(found, outcome=_broke(found.source, error)), relay)


def written(found: Read, relay: str) -> Recording:
    """As `recording`; raises whatever comes of an outcome that is none."""
    source, outcome = found.source, found.outcome
    readable = not isinstance(outcome, Malformed)
    stored = scrub(
        found.postback,
        source.adapter.dropped,
        secrets=source.tokens,
        headers=source.secret_headers,
        readable=readable,
    )
    reading = reading_to_plain(outcome)
    blob = codec.pack({"postback": codec.postback_to_plain(stored), "reading": reading})
    common: dict[str, Any] = {
        "id": relay,
        "source": source.name,
        "adapter": source.adapter.name,
        "destination": source.destination,
        "at_ms": times.to_ms(found.postback.received_at),
        "copy": found.copy,
        "blob": blob,
    }
    if isinstance(outcome, Events):
        delivery = _delivery(found.delivery_id or outcome.delivery_id)
        return Recording(**common, delivery=delivery, **_of_events(source.window, outcome, reading["events"]))
    window_ms = times.in_ms(source.window or BOOKED_WINDOW)
    if isinstance(outcome, Ignored):
        if not isinstance(outcome.reason, str):
            raise TypeError("a reason that is no text")
        delivery = _delivery(found.delivery_id or outcome.delivery_id)
        return Recording(
            **common, status=Status.IGNORED, reason=outcome.reason, window_ms=window_ms, delivery=delivery
        )
    refused = refuses(found)
    return Recording(
        **common,
        status=Status.IGNORED if refused else Status.DEAD,
        reason=f"refused to sender: {outcome}" if refused else str(outcome),
        window_ms=window_ms,
        delivery=_delivery(found.delivery_id),
        stage="normalise",
    )


def edited(detail: RelayDetail, events: tuple[Event, ...]) -> Recording:
    """What the journal stores of a relay whose events a person wrote; what the adapter read is kept."""
    relay, reading = detail.relay, detail.reading or {}
    told = Events(events, warnings=tuple(reading.get("warnings", ())))
    plain = reading_to_plain(told)
    stored = {"postback": detail.postback, "reading": plain, "original": detail.original or reading}
    return Recording(
        id=relay.id,
        source=relay.source,
        adapter=relay.adapter,
        destination=relay.destination,
        at_ms=ids.moment_ms(relay.id),
        copy="",
        blob=codec.pack(stored),
        **_of_events(None, told, plain["events"]),
    )


def _of_events(window: timedelta | None, reading: Events, plain: list[dict[str, Any]]) -> dict[str, Any]:
    booked = [event for event in reading.events if isinstance(event, BOOKED)]
    email = next((mail for event in reading.events if (mail := email_of(event))), "")
    usual = BOOKED_WINDOW if booked else OTHER_WINDOW
    kinds = tuple(dict.fromkeys([event.kind for event in reading.events]))
    return {
        "status": Status.QUEUED,
        "kinds": ",".join(kinds),
        "endpoint": _ENDPOINTS.get(kinds[0], "orders"),
        "window_ms": times.in_ms(window or usual),
        "email": email,
        "order": booked[0].order_id if booked else "",
        "orders": book_entries(reading.events, plain),
        "places": "order.placed" in kinds,
        "is_order": not _ORDERS.isdisjoint(kinds),
    }


def book_entries(events: tuple[Event, ...], plain: list[dict[str, Any]]) -> tuple[BookEntry, ...]:
    """One entry for each order: events that share a name are of one. `plain` are the events, dumped.

    Properties and the customer's totals are the call's own, and complete no other: they stay out of the book.
    """
    grouped: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for event, told in zip(events, plain, strict=True):
        if isinstance(event, BOOKED):
            key = next((names for names in grouped if set(names) & set(event.names)), event.names)
            united = tuple(dict.fromkeys((*key, *event.names)))
            part = {name: value for name, value in told.items() if name not in _OF_ONE_CALL}
            grouped[united] = [*grouped.pop(key, []), part]
    return tuple(BookEntry(names, to_json(group).decode()) for names, group in grouped.items())


def email_of(event: Event) -> str | None:
    return None if isinstance(event, ProductsUpserted) else event.customer.email


def reading_to_plain(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Events):
        return {"events": normalised.dump(outcome.events), "warnings": list(outcome.warnings)}
    if isinstance(outcome, Ignored):
        return {"ignored": outcome.reason}
    faults = [{"field": fault.field, "reason": fault.reason} for fault in outcome.faults]
    return {"error": outcome.word, "reason": outcome.reason, "field": outcome.field, "faults": faults}


def _delivery(delivery_id: str | None) -> str:
    if not delivery_id:
        return ""
    return "id:" + hashlib.blake2b(delivery_id.encode(), digest_size=12).hexdigest()
