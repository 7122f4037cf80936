"""What tests build on: a Redis process, a platform of their own, and a relay made of the real parts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import uvicorn
from pydantic import BaseModel
from redis.asyncio import Redis
from starlette.types import ASGIApp

from relay import app, settings, wiring, worker
from relay.embedded import EmbeddedRedis
from relay.errors import Malformed, Unmappable, Unsupported
from relay.httpfile import RawRequest
from relay.journal.journal import Journal
from relay.journal.keys import PREFIX
from relay.journal.queries import Queries
from relay.journal.records import RelayDetail
from relay.normalise import fields, registry, times
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.events import load
from relay.normalise.registry import AdapterType
from relay.ops.desk import Desk
from relay.receive.spool import Spool
from relay.receive.wire import Wire
from relay.testing.standin import Standin

TOKEN = "a-token-of-the-tests"
KEY = "a-key-of-the-tests"


class RedisProcess:
    """The embedded Redis, in an event loop of its own so that it outlives each test's."""

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._redis = EmbeddedRedis(folder)
        self.url = self._redis.url

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        with asyncio.Runner() as runner:
            process = cls(folder, runner)
            runner.run(process._redis.start())
            yield process
            runner.run(process._redis.stop())


class NoOptions(BaseModel):
    pass


class Spoken:
    """A platform that says outright what to read: {"events": [...]}, {"ignored": ...}, {"error": ...}."""

    name: ClassVar[str] = "spoken"
    Options: ClassVar[type[BaseModel]] = NoOptions
    dropped: ClassVar[frozenset[str]] = frozenset({"cardnumber"})

    def __init__(self, source: SourceContext, options: BaseModel) -> None:
        self._source = source

    def read(self, postback: Postback) -> Reading:
        said = fields.read(postback)
        if "ignored" in said:
            return Ignored(str(said["ignored"]))
        if said.get("error") == "unmappable":
            raise Unmappable(str(said["field"]), "is missing")
        if said.get("error") == "fault":
            raise RuntimeError("jo@example.com broke it")
        if "events" not in said:
            raise Unsupported("it says nothing")
        try:
            plain: Any = said["events"]
            delivery = said.get("delivery")
            return Events(load(plain), delivery_id=str(delivery) if delivery else None)
        except ValueError as error:
            raise Malformed("no events") from error


SPOKEN = {"spoken": AdapterType(name="spoken", build=Spoken, options=NoOptions)}


def placed(
    order: str = "A-1", *, email: str = "jo@example.com", total: int = 4990, **more: Any
) -> dict[str, Any]:
    return _order("order.placed", order, email, total, more)


def fulfilled(
    order: str = "A-1", *, email: str = "jo@example.com", total: int = 4990, **more: Any
) -> dict[str, Any]:
    return _order("order.fulfilled", order, email, total, more)


def cancelled(
    order: str = "A-1", *, email: str = "jo@example.com", total: int = 4990, **more: Any
) -> dict[str, Any]:
    return _order("order.cancelled", order, email, total, more)


def refunded(
    amount: int | None = None,
    order: str = "A-1",
    *,
    email: str = "jo@example.com",
    total: int = 4990,
    **more: Any,
) -> dict[str, Any]:
    refund = {"basis": "full"} if amount is None else {"basis": "cumulative", "amount_minor": amount}
    return _order("order.refunded", order, email, total, {"refund": refund, **more})


def checkout(order: str = "A-1", *, email: str = "jo@example.com", **more: Any) -> dict[str, Any]:
    return _order("checkout.started", order, email, 4990, more)


def thin(kind: str, order: str = "A-1", **more: Any) -> dict[str, Any]:
    """An event that says which order and nothing else."""
    return {"kind": kind, "order_id": order, "names": [f"id:{order}"], **more}


def _order(kind: str, order: str, email: str, total: int, more: Mapping[str, Any]) -> dict[str, Any]:
    base: dict[str, Any] = {
        "kind": kind,
        "order_id": order,
        "names": [f"id:{order}"],
        "customer": {"email": email},
        "currency": "USD",
        "total_minor": total,
    }
    return {**base, **more}


@dataclass(frozen=True)
class Answered:
    """What the intake said."""

    status_code: int
    id: str = ""
    status: str = ""
    duplicate: bool = False
    reason: str = ""


def http_client(*, timeout: float) -> httpx.AsyncClient:
    """One of many requests at once. `timeout` in seconds.

    Its pool may close an idle connection, one of more than 20 or unused for 5 s, just after it gave it to a
    request, which is then answered by nobody. So none is one too many, and none ends sooner than a proxy's.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60)
    return httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False)


@dataclass
class House:
    """A relay of real parts in this process: web over HTTP, worker on arq, Redis and stand-in beside it."""

    env: settings.Environment
    raw: dict[str, Any]
    standin: Standin
    http: httpx.AsyncClient
    stack: AsyncExitStack
    _webs: list[tuple[uvicorn.Server, asyncio.Task[None]]] = field(default_factory=list)
    _workers: list[tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def built(cls, redis_url: str, folder: Path) -> AsyncIterator[House]:
        async with AsyncExitStack() as stack:
            standin = await stack.enter_async_context(Standin.serve(keys={KEY}))
            http = await stack.enter_async_context(http_client(timeout=10))
            env = settings.environment(
                {"RELAY_REDIS_URL": redis_url, "RELAY_DATA_DIR": str(folder), "RELAY_API_TOKEN": TOKEN}
            )
            house = cls(env=env, raw=_raw(standin.url), standin=standin, http=http, stack=stack)
            try:
                yield house
            finally:
                await house.stop()

    @property
    def config(self) -> settings.Config:
        return settings.parse(self.raw, {})

    def journal(self) -> Journal:
        client = wiring.redis(self.env)
        self.stack.push_async_callback(client.aclose, close_connection_pool=True)
        return wiring.journal(client, self.config)

    def queries(self) -> Queries:
        return Queries(self.journal(), list(self.raw["sources"]), list(self.raw["destinations"]))

    def desk(self) -> Desk:
        spool = Spool(self.env.data_dir)
        self.stack.push_async_callback(spool.close)
        built = wiring.sources(self.config, _adapters())
        return wiring.desk(self.journal(), self.env, self.config, built, spool)

    async def serve(self, port: int = 0) -> str:
        """Starts a web process, beside those that run, and gives its origin."""
        built = app.build(self.env, self.config, _adapters())
        server, serving, port = await started(built, port, http=Wire, timeout_graceful_shutdown=2)
        self._webs.append((server, serving))
        self.http.base_url = f"http://127.0.0.1:{port}"
        return f"http://127.0.0.1:{port}"

    async def work(self) -> None:
        """Starts a worker."""
        stopping = asyncio.Event()
        task = asyncio.create_task(worker.work(self.env, self.config, stopping, _adapters()))
        self._workers.append((stopping, task))

    async def start(self) -> None:
        await self.serve()
        await self.work()

    async def rest(self) -> None:
        """Ends the workers; the web process goes on."""
        for stopping, _ in self._workers:
            stopping.set()
        for _, task in self._workers:
            await task
        self._workers.clear()

    async def stop(self) -> None:
        await self.rest()
        for server, _ in self._webs:
            server.should_exit = True
        for _, serving in self._webs:
            await serving
        self._webs.clear()

    async def post(self, *events: Mapping[str, Any], source: str = "shop", **body: Any) -> Answered:
        """A postback that tells of `events`."""
        payload = {**({"events": list(events)} if events else {}), **body}
        return await self.post_bytes(json.dumps(payload).encode(), source=source)

    async def post_bytes(self, body: bytes, *, source: str = "shop", token: str = TOKEN) -> Answered:
        headers = {"content-type": "application/json"}
        return await self.send(RawRequest("POST", "", headers, body), source=source, token=token)

    async def send(self, request: RawRequest, *, source: str = "shop", token: str = TOKEN) -> Answered:
        """A request as it stands in a fixture."""
        url = httpx.URL(f"/in/{source}/{token}", query=request.query.encode() or None)
        answer = await self.http.request(
            request.method, url, content=request.body, headers={**request.headers, "host": "relay.test"}
        )
        if answer.status_code != 200:
            return Answered(answer.status_code, reason=answer.json().get("detail", ""))
        return Answered(200, **answer.json())

    async def until(self, relay: str, *statuses: str) -> RelayDetail:
        """The relay, once it has one of `statuses`."""
        queries = self.queries()
        async with asyncio.timeout(20):
            while True:
                detail = await queries.detail(relay)
                if detail is not None and detail.relay.status in statuses:
                    return detail
                await asyncio.sleep(0.02)

    async def until_put_back(self, relay: str) -> RelayDetail:
        """The relay, once an attempt has left it for later."""
        queries = self.queries()
        async with asyncio.timeout(20):
            while True:
                detail = await queries.detail(relay)
                now = times.z(times.from_ms(times.now_ms() + 5_000))
                if detail is not None and (detail.relay.next_try or "") > now:
                    return detail
                await asyncio.sleep(0.02)

    async def api(self, method: str, path: str, **body: Any) -> httpx.Response:
        return await self.http.request(
            method,
            f"/api/v1{path}",
            json=body or None,
            headers={"authorization": f"Bearer {TOKEN}"},
        )


async def eventually(ask: Callable[[], Awaitable[object]], *, within: float = 20) -> None:
    """Once `ask` answers something true: what is in Redis sets no event."""
    async with asyncio.timeout(within):
        while not await ask():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def started(
    served: ASGIApp, port: int = 0, **settings: Any
) -> tuple[uvicorn.Server, asyncio.Task[None], int]:
    """A server in this event loop, which leaves signals to the test; and the port that it listens on."""
    server = uvicorn.Server(
        uvicorn.Config(served, host="127.0.0.1", port=port, log_config=None, access_log=False, **settings)
    )
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
        if serving.done():
            serving.result()
    return server, serving, server.servers[0].sockets[0].getsockname()[1]


@contextmanager
def _no_signals() -> Iterator[None]:
    yield


def _adapters() -> dict[str, AdapterType]:
    return {**registry.installed(), **SPOKEN}


def plain_config() -> dict[str, Any]:
    """The least that a relay.toml says."""
    source = {"adapter": "checkoutchamp", "destination": "main", "tokens": [TOKEN]}
    return {"destinations": {"main": {"api_key": KEY}}, "sources": {"shop": source}}


def _raw(url: str) -> dict[str, Any]:
    return {
        "destinations": {
            "main": {
                "api_key": KEY,
                "url": url,
                "rate_per_minute": 0,
                "rate_per_second": 0,
                "retry_schedule": ["100ms", "100ms", "100ms"],
            }
        },
        "sources": {"shop": {"adapter": "spoken", "destination": "main", "tokens": [TOKEN]}},
    }


STEPPED_CLOCK = """
local function now_ms()
  local t = redis.call('TIME')
  local stepped = tonumber(redis.call('GET', KEYS[1] .. 'stepped') or 0)
  return t[1] * 1000 + math.floor(t[2] / 1000) + stepped
end
"""
"""The scripts' clock, ahead by as many milliseconds as `step_clock` said."""


async def step_clock(redis: Redis, milliseconds: int) -> None:
    await redis.set(f"{PREFIX}stepped", milliseconds)
