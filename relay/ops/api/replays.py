"""The endpoints of replays."""

from __future__ import annotations

from relay.ops.api import asked
from relay.ops.api.endpoint import ACTOR, Call, Endpoint, acted
from relay.ops.api.problems import Declined
from relay.ops.desk import Desk
from relay.ops.figures import PlanView, ReplayList, ReplayView
from relay.ops.filters import FilterError, from_words, written
from relay.ops.models import Acted


class ReplayEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        one = "/replays/{replay}"
        return (
            Endpoint(
                "POST",
                "/replays",
                "Retries or discards all relays of a filter; with `dry_run` says what that would do",
                self._start,
                ReplayView,
                body=asked.ReplayOrder,
                status=202,
                also={200: PlanView},
            ),
            Endpoint("GET", "/replays", "Replays, newest first", self._list, ReplayList, query=asked.Limited),
            Endpoint("GET", one, "How far a replay has come", self._one, ReplayView),
            Endpoint("POST", f"{one}/pause", "Stops it for now", self._pause, Acted, problems=(409,)),
            Endpoint("POST", f"{one}/resume", "Goes on with it", self._resume, Acted, problems=(409,)),
            Endpoint("POST", f"{one}/cancel", "Ends it", self._cancel, Acted, problems=(409,)),
        )

    async def _start(self, call: Call) -> ReplayView | PlanView:
        order: asked.ReplayOrder = call.body
        words = order.filter.words()
        try:
            wanted = from_words(words)
        except FilterError as error:
            raise Declined(422, str(error)) from None
        if not wanted.said:
            raise Declined(422, "an empty filter is every relay there is; say which, such as status: dead")
        if order.dry_run:
            return await self._desk.replays.plan(wanted, act=order.act, stage=order.stage, stale=order.stale)
        return await self._desk.replays.start(
            wanted, by=ACTOR, line=written(words), act=order.act, stage=order.stage, stale=order.stale
        )

    async def _list(self, call: Call) -> ReplayList:
        return ReplayList(replays=await self._desk.replays.newest(call.query.limit))

    async def _one(self, call: Call) -> ReplayView:
        found = await self._desk.replays.one(call.path["replay"])
        if found is None:
            raise Declined(404, f"there is no replay {call.path['replay']}")
        return found

    async def _pause(self, call: Call) -> Acted:
        return acted(await self._desk.replays.pause(call.path["replay"], by=ACTOR), call.path["replay"])

    async def _resume(self, call: Call) -> Acted:
        return acted(await self._desk.replays.resume(call.path["replay"], by=ACTOR), call.path["replay"])

    async def _cancel(self, call: Call) -> Acted:
        return acted(await self._desk.replays.cancel(call.path["replay"], by=ACTOR), call.path["replay"])
