"""`relay work`: the composition root of a worker. Any number run beside each other on one Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Final

import structlog

from relay import log as logs
from relay import wiring
from relay.deliver.backstop import Backstop
from relay.deliver.destination import Destination
from relay.deliver.drain import Drain
from relay.deliver.queue import run_worker
from relay.deliver.sweep import Sweep
from relay.errors import JournalAway
from relay.journal.journal import Journal
from relay.journal.meter import Meter
from relay.journal.retention import retain
from relay.normalise import times
from relay.normalise.registry import AdapterType
from relay.settings import Config, Environment
from relay.tasks import end, regularly

log: Final = structlog.get_logger()


async def run(env: Environment, config: Config) -> None:
    """Until SIGTERM or SIGINT. What is being sent is finished first, for as long as an answer may take.

    What is not told by then, or when the signal comes again, is left to its lease: nothing is lost, and a
    call under way may go out again.
    """
    logs.configure(env.log_level, env.log_format)
    stopping, at_once = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (at_once if stopping.is_set() else stopping).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    working = asyncio.create_task(work(env, config, stopping))
    late = asyncio.create_task(_late(stopping, at_once, config.longest_end))
    await asyncio.wait({working, late}, return_when=asyncio.FIRST_COMPLETED)
    if not working.done():
        log.warning("worker.cut_off", told_twice=at_once.is_set())
        os._exit(0)  # what hangs would hang the end of the loop too
    await end(late)
    await working


async def _late(stopping: asyncio.Event, at_once: asyncio.Event, longest: timedelta) -> None:
    """Returns when a worker that was told to end has to."""
    await stopping.wait()
    with suppress(TimeoutError):
        await asyncio.wait_for(at_once.wait(), longest.total_seconds())


async def work(
    env: Environment,
    config: Config,
    stopping: asyncio.Event,
    adapters: Mapping[str, AdapterType] | None = None,
) -> None:
    """`adapters` are those installed, if none are given."""
    async with AsyncExitStack() as stack:
        redis = wiring.redis(env)
        stack.push_async_callback(redis.aclose, close_connection_pool=True)
        journal = wiring.journal(redis, config)
        await _unlock(journal, config, stopping)
        destinations = {
            name: wiring.destination(
                name, config, await stack.enter_async_context(wiring.client(config.destinations[name]))
            )
            for name in config.destinations
        }
        meter = Meter()
        sweep = Sweep(journal, list(destinations.values()))

        async def drain(name: str) -> None:
            to = destinations[name]
            await _drained(Drain(journal, to, stopping=stopping, meter=meter), to)

        async def retain_() -> None:
            try:
                dropped = await retain(journal, wiring.retention(config))
            except JournalAway as error:
                log.warning("retention.journal_away", error=str(error))
            else:
                log.info("retention.dropped", relays=dropped)

        name, since = f"{socket.gethostname()}:{os.getpid()}", times.now_ms()
        watch = wiring.watch(env, config, journal)
        fetch_back = await wiring.fetch_back(config, journal, stack)
        acts = wiring.operations(journal, config, wiring.sources(config, adapters))
        backstop = Backstop(journal, list(destinations.values()), sweep=sweep.run, drain=drain)
        runs = (
            watch.run(stopping),
            fetch_back.run(stopping),
            regularly("backstop", backstop.look, stopping),
            wiring.replays(journal, config, acts).run(stopping),
            regularly("beat", lambda: journal.beat(name, since), stopping),
            regularly("meter", lambda: meter.tell(journal), stopping),
        )
        wiring.freeze_garbage()
        beside = [asyncio.create_task(run) for run in runs]
        for task in beside:
            stack.push_async_callback(end, task)
        log.info("worker.started", destinations=sorted(destinations))
        await run_worker(redis, drain=drain, sweep=sweep.run, retain=retain_, stopping=stopping)
        await asyncio.gather(*beside)
        with suppress(JournalAway):
            await meter.tell(journal)
        log.info("worker.stopped")


async def _unlock(journal: Journal, config: Config, stopping: asyncio.Event) -> None:
    """Once Redis can be asked. Raises VaultShut: a worker that cannot open what waits must not start."""
    while not stopping.is_set():
        try:
            await journal.unlock(config.encryption.forgotten)
        except JournalAway as error:
            log.warning("worker.journal_away", error=str(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), 1)
        else:
            return


async def _drained(drain: Drain, destination: Destination) -> None:
    try:
        await drain.run()
    except JournalAway as error:
        log.warning("drain.journal_away", destination=destination.name, error=str(error))
