"""`relay serve`: the composition root of a web process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final

import structlog
import uvicorn
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from relay import log as logs
from relay import wiring
from relay.addresses import free_port
from relay.captures import capturer
from relay.errors import JournalAway, SpoolFull, VaultShut
from relay.journal.ids import Ids
from relay.journal.journal import Journal
from relay.metrics import Metrics
from relay.metrics.scrape import Scrape
from relay.normalise.registry import AdapterType
from relay.ops.api import Api, http_problem, problem, sealed_problem
from relay.ops.pages import Pages
from relay.receive.intake import PREFIX, Intake
from relay.receive.keeper import DEADLINE, Keeper
from relay.receive.sources import Gate
from relay.receive.spool import Spool
from relay.receive.wire import Wire
from relay.settings import Config, Environment
from relay.tasks import end, regularly

log: Final = structlog.get_logger()

_SENDERS: Final = 10
"""Seconds a process that is to end waits for postbacks that are still being received."""

_KEPT_OPEN: Final = 75
"""Seconds a connection stays open with nothing on it: longer than proxies keep theirs (60 s as a rule), since
a postback that is sent into one being closed is answered by nobody.
"""

_ENDING: Final = 3
"""Seconds it waits then for an alert that is being sent."""


def build(env: Environment, config: Config, adapters: Mapping[str, AdapterType] | None = None) -> ASGIApp:
    """The whole application; `adapters` are those installed, if none are given.

    Raises SettingsError where a source cannot be built.
    """
    redis = wiring.redis(env, retries=1, timeout=DEADLINE + 1)
    journal = wiring.journal(redis, config, replicas=env.redis_replicas)
    sources = wiring.sources(config, adapters)
    spool = Spool(env.data_dir, vault=journal.vault)
    desk = wiring.desk(journal, env, config, sources, spool)
    metrics = Metrics()
    keeper = Keeper(journal, spool)
    intake = Intake(Gate(sources), keeper, metrics, ids=Ids(env.data_dir / "ids"))
    watch = wiring.watch(env, config, journal)

    async def tell_spooled() -> None:
        await journal.tell_spooled(wiring.host(env), await spool.count())

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        wiring.freeze_garbage()
        draining = asyncio.create_task(keeper.drain())
        # Here too: should no worker run at all, somebody has to say so.
        stopping = asyncio.Event()
        watching = asyncio.create_task(watch.run(stopping))
        telling = asyncio.create_task(regularly("spool count", tell_spooled, stopping))
        log.info("web.started", host=env.host, port=env.port, sources=list(config.sources))
        yield
        stopping.set()
        await asyncio.wait({watching}, timeout=_ENDING)
        await end(watching)
        await end(telling)
        await end(draining)
        await spool.close()
        await redis.aclose(close_connection_pool=True)
        log.info("web.stopped")

    app = Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", _readyz(journal, spool)),
            Route("/metrics", _metrics(metrics, wiring.scrape(journal, config), spool)),
            *Api(desk, _secret(env.api_token)).routes(),
            *Pages(
                desk,
                wiring.access(env, config, journal),
                {source.name: source for source in sources},
                {name: wiring.policy(source) for name, source in config.sources.items()},
                keeper,
                capturer(env, config, adapters),
            ).routes(),
        ],
        exception_handlers={HTTPException: http_problem, VaultShut: sealed_problem},
        lifespan=lifespan,
    )
    return _front(intake, app)


def _front(intake: ASGIApp, app: ASGIApp) -> ASGIApp:
    """Postbacks go past the router: they are most of the traffic, and their path is one prefix."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        to_intake = scope["type"] == "http" and scope["path"].startswith(PREFIX)
        await (intake if to_intake else app)(scope, receive, send)

    return front


async def _healthz(_: Request) -> Response:
    return JSONResponse({"alive": True})


def _readyz(journal: Journal, spool: Spool) -> Callable[[Request], object]:
    async def readyz(_: Request) -> Response:
        if await _takes_a_write(journal):
            return JSONResponse({"ready": True, "keeps_in": "journal"})
        try:
            await spool.settle()
        except SpoolFull:
            return problem(503, "neither Redis nor the spool can take a write now")
        return JSONResponse({"ready": True, "keeps_in": "spool"})

    return readyz


async def _takes_a_write(journal: Journal) -> bool:
    try:
        async with asyncio.timeout(DEADLINE):
            await journal.redis.set(f"{journal.keys.prefix}ready", 1, px=1000)
    except (RedisError, OSError, TimeoutError):
        return False
    return True


def _metrics(metrics: Metrics, scrape: Scrape, spool: Spool) -> Callable[[Request], object]:
    async def read(_: Request) -> Response:
        text = metrics.render(await _spooled(spool), await scrape.known())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return read


async def _spooled(spool: Spool) -> int | None:
    try:
        return await spool.count()
    except SpoolFull:
        return None


def _secret(secret: object) -> str | None:
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else None


async def _unlock(env: Environment, config: Config) -> None:
    """Raises VaultShut. While Redis is away nothing can be told of it, and nothing read either."""
    redis = wiring.redis(env, retries=0)
    spool = Spool(env.data_dir, vault=wiring.vault(config))
    try:
        await wiring.journal(redis, config).unlock(config.encryption.forgotten)
    except JournalAway as error:
        log.warning("serve.journal_away", error=str(error))
    finally:
        await redis.aclose(close_connection_pool=True)
    try:
        await spool.unlock()
    except SpoolFull as error:
        log.error("spool.unusable", error=str(error))  # noqa: TRY400 - the sentence says it all
    finally:
        await spool.close()


def serve(env: Environment, config: Config) -> None:
    """Until SIGTERM or SIGINT. Raises SettingsError where it cannot listen."""
    logs.configure(env.log_level, env.log_format)
    app = build(env, config)
    if env.port:
        free_port(env.host, env.port)
    asyncio.run(_unlock(env, config))
    server = _Server(
        uvicorn.Config(
            app,
            host=env.host,
            port=env.port,
            loop="uvloop",
            http=Wire,
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=_SENDERS,
            timeout_keep_alive=_KEPT_OPEN,
        )
    )
    server.run()
    if not server.started:
        sys.exit(3)  # as uvicorn itself does; it has said why


class _Server(uvicorn.Server):
    """Told a second time, it waits for nobody; what was answered is on disk, the rest is sent again."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit |= self.should_exit
        super().handle_exit(sig, frame)
