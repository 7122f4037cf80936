"""`relay serve`: the composition root of a web process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
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
from relay.errors import JournalAway
from relay.journal.journal import Journal
from relay.journal.queries import Queries
from relay.metrics import Metrics
from relay.normalise.registry import AdapterType
from relay.ops.api import Api, http_problem, problem
from relay.ops.core import Operations
from relay.ops.pages import Pages
from relay.receive.intake import PREFIX, Intake
from relay.receive.sources import Gate
from relay.settings import Config, Environment

log: Final = structlog.get_logger()
_READY_DEADLINE: Final = 2.0


def build(env: Environment, config: Config, adapters: Mapping[str, AdapterType] | None = None) -> ASGIApp:
    """The whole application; `adapters` are those installed, if none are given.

    Raises SettingsError where a source cannot be built.
    """
    redis = wiring.redis(env, retries=1)
    journal = wiring.journal(redis, config)
    sources = wiring.sources(config, adapters)
    queries = Queries(journal, list(config.sources), list(config.destinations))
    operations = Operations(journal, queries, {source.name: source for source in sources})
    metrics = Metrics()
    intake = Intake(Gate(sources), journal, metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        wiring.freeze_garbage()
        yield
        await redis.aclose(close_connection_pool=True)

    app = Starlette(
        routes=[
            Route("/healthz", _healthz),
            Route("/readyz", _readyz(journal)),
            Route("/metrics", _metrics(metrics, queries)),
            *Api(operations, queries, _secret(env.api_token)).routes(),
            *Pages(operations, queries, _secret(env.ops_password)).routes(),
        ],
        exception_handlers={HTTPException: http_problem},
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


def _readyz(journal: Journal) -> Callable[[Request], object]:
    async def readyz(_: Request) -> Response:
        try:
            async with asyncio.timeout(_READY_DEADLINE):
                await journal.redis.set(f"{journal.keys.prefix}ready", 1, px=1000)
        except (RedisError, OSError, TimeoutError):
            return problem(503, "Redis cannot take a write now")
        return JSONResponse({"ready": True})

    return readyz


def _metrics(metrics: Metrics, queries: Queries) -> Callable[[Request], object]:
    async def read(_: Request) -> Response:
        try:
            stats, pauses = await queries.stats(), await queries.pauses()
        except JournalAway:
            stats, pauses = None, {}
        return Response(metrics.render(stats, pauses), media_type="text/plain; version=0.0.4; charset=utf-8")

    return read


def _secret(secret: object) -> str | None:
    return secret.get_secret_value() if hasattr(secret, "get_secret_value") else None


def serve(env: Environment, config: Config) -> None:
    """Until SIGTERM or SIGINT."""
    logs.configure(env.log_level, env.log_format)
    uvicorn.run(
        build(env, config),
        host=env.host,
        port=env.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
    )
