"""What the commands share: their flags, and the parts of a relay to look into the journal with."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from relay import log, settings, wiring
from relay.errors import JournalAway
from relay.ops.desk import Desk
from relay.receive.spool import Spool

Data = Annotated[Path | None, typer.Option("--data", help="The data folder (RELAY_DATA_DIR, .relay).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SourceName = Annotated[str, typer.Argument(metavar="SOURCE")]


@dataclass(frozen=True, slots=True)
class Tools:
    """What commands that look into the journal work with."""

    env: settings.Environment
    config: settings.Config
    journal: Any
    desk: Desk
    spool: Spool


def with_tools(data: Path | None, ask: Callable[[Tools], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with _tools(data) as tools:
            return await ask(tools)

    try:
        return asyncio.run(run())
    except JournalAway as error:
        sys.exit(f"relay: {error}; is `relay dev` running in this folder, or RELAY_REDIS_URL right?")


@asynccontextmanager
async def _tools(data: Path | None) -> AsyncIterator[Tools]:
    env = settings.of_running(settings.environment(data_dir=data))
    config = settings.load(env.config, secrets_needed=False)
    log.configure("error", env.log_format)
    async with AsyncExitStack() as stack:
        client = wiring.redis(env, retries=1)
        stack.push_async_callback(client.aclose, close_connection_pool=True)
        journal = wiring.journal(client, config)
        spool = Spool(env.data_dir, vault=journal.vault)
        stack.push_async_callback(spool.close)
        desk = wiring.desk(journal, env, config, wiring.sources(config), spool)
        yield Tools(env, config, journal, desk, spool)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
