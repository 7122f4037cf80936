"""The adapter for Sticky.io (formerly Lime Light CRM): order and prospect postbacks, product webhooks."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from adapters.stickyio import names, properties, webhooks
from adapters.stickyio.building import Context, build, notice
from adapters.stickyio.deciding import decide
from adapters.stickyio.mapping import Does, Verdict
from adapters.stickyio.options import StickyioOptions
from adapters.stickyio.payloads import Reader
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.payload import Payload

__all__ = ["Stickyio", "StickyioOptions"]


class Stickyio:
    name: ClassVar[str] = "stickyio"
    Options: ClassVar[type[BaseModel]] = StickyioOptions
    dropped: ClassVar[frozenset[str]] = names.DROPPED
    timezone: ClassVar[str] = "America/New_York"
    """Where a source sets none: dates are the account's wall clock, commonly US Eastern."""

    def __init__(self, source: SourceContext, options: StickyioOptions) -> None:
        keys = names.keys(options.parameters)
        self._payloads = Reader(keys, options.encoding)
        self._words = options.learned()
        self._context = Context(
            source=source,
            options=options,
            attributes=properties.plan(options.attributes, keys),
            properties=properties.plan(options.properties, keys),
        )

    def read(self, postback: Postback) -> Reading:
        webhook = webhooks.read(postback)
        if webhook is not None:
            return webhooks.outcome(webhook, self._context.source, self._context.options)
        payload = self._payloads.read(postback)
        if payload.says_nothing():
            return Ignored("ping: the request carries nothing")
        verdict = decide(payload, self._context.options, self._words)
        if verdict.does == Does.IGNORE:
            return self._noticed(verdict, payload)
        event = build(verdict, payload, self._context)
        return Events((event,), payload.told())

    def _noticed(self, verdict: Verdict, payload: Payload) -> Reading:
        wanted = self._context.options.customer_events
        if verdict.notice is None or verdict.notice.value not in wanted:
            return Ignored(verdict.reason)
        event = notice(verdict.notice, payload, self._context)
        return Events((event,), payload.told())
