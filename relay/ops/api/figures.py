"""The endpoints of numbers, destinations and the activity."""

from __future__ import annotations

from relay.ops.api import asked
from relay.ops.api.endpoint import ACTOR, Call, Endpoint, acted
from relay.ops.desk import Desk
from relay.ops.figures import DestinationList, SourceList, StatsView, StoreView, WorkerList
from relay.ops.models import Acted, ActList, ActView


class FigureEndpoints:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        one = "/destinations/{destination}"
        return (
            Endpoint("GET", "/stats", "The sum, and what each hour brought", self._stats, StatsView),
            Endpoint("GET", "/sources", "Who sends", self._sources, SourceList),
            Endpoint("GET", "/destinations", "Where it goes", self._destinations, DestinationList),
            Endpoint(
                "POST",
                f"{one}/pause",
                "Sends nothing there until a person resumes it",
                self._pause,
                Acted,
                body=asked.PauseOrder,
                problems=(409,),
            ),
            Endpoint(
                "POST",
                f"{one}/resume",
                "Ends a pause",
                self._resume,
                Acted,
                body=asked.ResumeOrder,
                problems=(409,),
            ),
            Endpoint("GET", "/workers", "Workers that are alive", self._workers, WorkerList),
            Endpoint("GET", "/store", "How Redis and the spool are", self._store, StoreView),
            Endpoint(
                "GET", "/activity", "Who did what, newest first", self._activity, ActList, query=asked.Paged
            ),
        )

    async def _stats(self, _: Call) -> StatsView:
        return await self._desk.overview.stats()

    async def _sources(self, _: Call) -> SourceList:
        return SourceList(sources=await self._desk.overview.sources())

    async def _destinations(self, _: Call) -> DestinationList:
        return DestinationList(destinations=await self._desk.overview.destinations())

    async def _pause(self, call: Call) -> Acted:
        name, order = call.path["destination"], call.body
        done = await self._desk.acts.pause(name, by=ACTOR, endpoint=order.endpoint, reason=order.reason)
        return acted(done, name)

    async def _resume(self, call: Call) -> Acted:
        name = call.path["destination"]
        return acted(await self._desk.acts.resume(name, by=ACTOR, endpoint=call.body.endpoint), name)

    async def _workers(self, _: Call) -> WorkerList:
        return WorkerList(workers=await self._desk.overview.workers())

    async def _store(self, _: Call) -> StoreView:
        return await self._desk.overview.store()

    async def _activity(self, call: Call) -> ActList:
        page = await self._desk.activity.page(limit=call.query.limit, cursor=call.query.cursor)
        return ActList(acts=[ActView.of(act) for act in page.acts], next=page.next)
