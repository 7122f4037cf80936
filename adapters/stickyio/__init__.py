"""The adapter for Sticky.io (formerly Lime Light CRM): postbacks, product webhooks, its API."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from adapters.stickyio import documents, names, orders, products, properties, webhooks
from adapters.stickyio.building import Context, build, notice
from adapters.stickyio.deciding import decide
from adapters.stickyio.mapping import Does, Verdict
from adapters.stickyio.options import StickyioOptions
from adapters.stickyio.payloads import Reader
from adapters.stickyio.pulling import StickyioPuller
from relay.normalise.contract import Events, Ignored, Meaning, Postback, Reading, SourceContext
from relay.normalise.fields import Fields
from relay.normalise.payload import Keys, Payload

__all__ = ["Stickyio", "StickyioOptions"]


class Stickyio:
    name: ClassVar[str] = "stickyio"
    Options: ClassVar[type[BaseModel]] = StickyioOptions
    Puller: ClassVar[type[StickyioPuller]] = StickyioPuller
    dropped: ClassVar[frozenset[str]] = names.DROPPED
    timezone: ClassVar[str] = "America/New_York"
    """Where a source sets none: dates are the account's wall clock, commonly US Eastern."""

    def __init__(self, source: SourceContext, options: StickyioOptions) -> None:
        keys = names.keys(options.parameters)
        self._payloads = Reader(keys, options.encoding)
        self._words = options.learned()
        self._context = _context(source, options, keys)
        # The API calls its fields what it likes, whatever the merchant calls parameters.
        own = names.keys({})
        self._api = Reader(own, options.encoding)
        self._api_context = _context(source, options, own)

    def meanings(self) -> tuple[Meaning, ...]:
        return self._context.options.meanings()

    def read(self, postback: Postback) -> Reading:
        document = documents.read(postback)
        reading = None if document is None else self._of_document(document)
        if reading is not None:
            return reading
        payload = self._payloads.read(postback)
        if payload.says_nothing():
            return Ignored("ping: the request carries nothing")
        verdict = decide(payload, self._context.options, self._words)
        if verdict.does == Does.IGNORE:
            return self._noticed(verdict, payload)
        event = build(verdict, payload, self._context)
        return Events((event,), payload.told())

    def _of_document(self, tree: Fields) -> Reading | None:
        """None where it is a postback that happens to be JSON."""
        source, options = self._context.source, self._context.options
        webhook = webhooks.envelope(tree)
        if webhook is not None:
            return webhooks.outcome(webhook, source, options)
        if "order_view" in tree:
            return orders.outcome(tree, self._api, self._api_context)
        rows = tree.get("catalog")
        if isinstance(rows, list):
            upserted, warnings = products.catalog(rows, source, options)
            return Events((upserted,), warnings)
        return None

    def _noticed(self, verdict: Verdict, payload: Payload) -> Reading:
        wanted = self._context.options.customer_events
        if verdict.notice is None or verdict.notice.value not in wanted:
            return Ignored(verdict.reason)
        event = notice(verdict.notice, payload, self._context)
        return Events((event,), payload.told())


def _context(source: SourceContext, options: StickyioOptions, keys: Keys) -> Context:
    return Context(
        source=source,
        options=options,
        attributes=properties.plan(options.attributes, keys),
        properties=properties.plan(options.properties, keys),
    )
