"""The adapter for CheckoutChamp (formerly Konnektive): export postbacks, and orders as its API shows them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from adapters.checkoutchamp import catalog, names, payloads, properties
from adapters.checkoutchamp.building import Context, build, notice
from adapters.checkoutchamp.deciding import decide
from adapters.checkoutchamp.mapping import Does, Verdict
from adapters.checkoutchamp.options import CheckoutChampOptions
from adapters.checkoutchamp.pulling import CheckoutChampPuller
from relay.normalise.contract import Events, Ignored, Meaning, Postback, Reading, SourceContext
from relay.normalise.events import Event
from relay.normalise.payload import Payload, fitting_id, text_of

__all__ = ["CheckoutChamp", "CheckoutChampOptions"]


class CheckoutChamp:
    name: ClassVar[str] = "checkoutchamp"
    Options: ClassVar[type[BaseModel]] = CheckoutChampOptions
    Puller: ClassVar[type[CheckoutChampPuller]] = CheckoutChampPuller
    dropped: ClassVar[frozenset[str]] = names.DROPPED
    timezone: ClassVar[str] = "America/New_York"
    """Where a source sets none: dates are the account's wall clock, by default US Eastern."""

    def __init__(self, source: SourceContext, options: CheckoutChampOptions) -> None:
        self._keys = names.keys(options.fields)
        self._words = options.learned()
        self._context = Context(
            source=source,
            options=options,
            attributes=properties.plan(options.attributes, self._keys),
            properties=properties.plan(options.properties, self._keys),
        )

    def meanings(self) -> tuple[Meaning, ...]:
        return self._context.options.meanings()

    def read(self, postback: Postback) -> Reading:
        delivery = _delivery_id(postback)
        payload = payloads.read(postback, self._keys, self._context.options.encoding)
        if payload.says_nothing():
            return Ignored("ping: the request carries nothing", delivery)
        if catalog.is_catalog(payload):
            products = catalog.read(payload, self._context.source, self._context.options)
            return Events((products,), payload.told(), delivery)
        verdict = decide(payload, self._context.options, self._words)
        events = self._events(verdict, payload)
        if not events:
            return Ignored(verdict.reason or "nothing was refunded", delivery)
        return Events(events, payload.told(), delivery)

    def _events(self, verdict: Verdict, payload: Payload) -> tuple[Event, ...]:
        if verdict.does != Does.IGNORE:
            return build(verdict, payload, self._context)
        wanted = self._context.options.customer_events
        if verdict.notice is None or verdict.notice.value not in wanted:
            return ()
        return (notice(verdict.notice, payload, self._context),)


def _delivery_id(postback: Postback) -> str | None:
    """Only merchants' proxies send one; the platform itself names its deliveries in no way."""
    return fitting_id(text_of(postback.headers.get("idempotency-key")))
