"""The endpoints of relays."""

from __future__ import annotations

from relay.ops.api import asked
from relay.ops.api.endpoint import ACTOR, Call, Endpoint, acted
from relay.ops.api.problems import Declined, FaultView
from relay.ops.core import Invalid
from relay.ops.desk import Desk
from relay.ops.filters import FilterError, from_words
from relay.ops.models import Acted, RelayList, RelaySummary, RelayView


class RelayEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        one = "/relays/{relay}"
        return (
            Endpoint(
                "GET", "/relays", "Relays, newest first", self._list, RelayList, query=asked.RelaysAsked
            ),
            Endpoint("GET", one, "All of a relay", self._show, RelayView),
            Endpoint(
                "POST",
                f"{one}/retry",
                "Runs a relay again",
                self._retry,
                Acted,
                body=asked.RetryOrder,
                problems=(409,),
            ),
            Endpoint("POST", f"{one}/discard", "Ends a relay unsent", self._discard, Acted, problems=(409,)),
            Endpoint("POST", f"{one}/restore", "Takes a discard back", self._restore, Acted, problems=(409,)),
            Endpoint(
                "PUT",
                f"{one}/event",
                "Replaces an event by one that was written by hand, and delivers it",
                self._edit,
                Acted,
                body=asked.EditOrder,
                problems=(409,),
            ),
        )

    async def _list(self, call: Call) -> RelayList:
        query: asked.RelaysAsked = call.query
        try:
            wanted = from_words(query.words())
        except FilterError as error:
            raise Declined(400, str(error)) from None
        page = await self._desk.queries.find(wanted, limit=query.limit, cursor=query.cursor)
        relays = [RelaySummary.of(relay) for relay in page.relays]
        return RelayList(relays=relays, next=page.next, total=page.total, searched=page.searched)

    async def _show(self, call: Call) -> RelayView:
        relay = call.path["relay"]
        detail = await self._desk.finder.detail(relay)
        if detail is None:
            raise Declined(404, f"there is no relay {relay}")
        return RelayView.of(detail)

    async def _retry(self, call: Call) -> Acted:
        order: asked.RetryOrder = call.body
        return acted(
            await self._desk.acts.retry(call.path["relay"], by=ACTOR, **order.model_dump()),
            call.path["relay"],
        )

    async def _discard(self, call: Call) -> Acted:
        return acted(await self._desk.acts.discard(call.path["relay"], by=ACTOR))

    async def _restore(self, call: Call) -> Acted:
        return acted(await self._desk.acts.restore(call.path["relay"], by=ACTOR))

    async def _edit(self, call: Call) -> Acted:
        order: asked.EditOrder = call.body
        done = await self._desk.acts.edit(call.path["relay"], by=ACTOR, **order.model_dump())
        if isinstance(done, Invalid):
            faults = [FaultView(field=fault.field, message=fault.message) for fault in done.faults]
            raise Declined(422, "that is no event; see faults", faults=faults)
        return acted(done)
