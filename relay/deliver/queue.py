"""The job queue: arq decides nothing here, it wakes. A job is "drain this destination", or the sweep.

What arq does on its own is kept away from: results are not kept, payloads are JSON, and a job that is lost
costs nothing, since the journal holds what is due and the sweep finds it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.cron import cron
from arq.jobs import serialize_job
from arq.worker import Worker, func

from relay.journal.journal import Wakeup

if TYPE_CHECKING:
    from arq.typing import WorkerCoroutine

log: Final = structlog.get_logger()

QUEUE: Final = "{relay}:jobs"
POLL: Final = timedelta(milliseconds=50)
SWEEP_EVERY: Final = 2
"""Seconds. The backstop for what no wake-up reached."""

# Beyond the drain's own 20 s: what it has under way, with the longest answer.
_JOB_TIMEOUT: Final = timedelta(seconds=120)
_LONG: Final = 30.0
"""Seconds after which a worker that ends has not failed at its start."""

_YEAR_MS: Final = 366 * 86_400_000


def dumps(value: dict[str, Any]) -> bytes:
    """Of an exception, which arq takes for a result too, the name."""
    return json.dumps(value, default=lambda found: type(found).__name__).encode()


def wakeup(destinations: Sequence[str]) -> Wakeup:
    """What the journal's scripts write to start a drain."""
    jobs = {
        name: serialize_job("drain", (name,), {}, None, 0, serializer=dumps).decode() for name in destinations
    }
    return Wakeup(queue=QUEUE, prefix=job_key_prefix, jobs=jobs)


class Stopping(Exception):
    """The worker has been told to end; it does so between two looks at the queue."""


class _Worker(Worker):
    """arq's worker, ended by an exception: cancelled within a command, it leaks a connection."""

    def __init__(self, stopping: asyncio.Event, **settings: Any) -> None:
        super().__init__(**settings)
        self._told = stopping
        self._apart = time.time() - time.monotonic()

    async def heart_beat(self) -> None:
        if self._told.is_set():
            raise Stopping
        self._keep_pace()
        await super().heart_beat()

    def _keep_pace(self) -> None:
        """Where this host's clock has been set, what comes next is reckoned anew."""
        apart = time.time() - time.monotonic()
        if abs(apart - self._apart) < SWEEP_EVERY:
            return
        log.warning("worker.clock_set", by_seconds=round(apart - self._apart))
        self._apart = apart
        self._last_health_check = 0
        for job in self.cron_jobs:
            job.next_run = None


async def run_worker(
    redis: ArqRedis,
    *,
    drain: Callable[[str], Awaitable[None]],
    sweep: Callable[[], Awaitable[None]],
    retain: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
) -> None:
    """Runs jobs until `stopping`; starts anew, with a growing pause, whenever arq gives up on Redis."""
    pause = 0.1
    while not stopping.is_set():
        worker = _worker(redis, drain, sweep, retain, stopping)
        began = time.monotonic()
        try:
            await worker.async_run()
        except Stopping:
            break
        except Exception as error:  # noqa: BLE001 - arq lets through whatever Redis's client raises
            log.warning("worker.restarted", error=type(error).__name__, pause=pause)
        finally:
            await _finish(worker)
        pause = 0.1 if time.monotonic() - began > _LONG else pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)


def _worker(
    redis: ArqRedis,
    drain: Callable[[str], Awaitable[None]],
    sweep: Callable[[], Awaitable[None]],
    retain: Callable[[], Awaitable[None]],
    stopping: asyncio.Event,
) -> Worker:
    async def drain_job(_: dict[Any, Any], destination: str) -> None:
        await drain(destination)

    async def sweep_job(_: dict[Any, Any]) -> None:
        await sweep()

    async def retain_job(_: dict[Any, Any]) -> None:
        await retain()

    return _Worker(
        stopping,
        functions=[func(cast("WorkerCoroutine", drain_job), name="drain")],
        cron_jobs=[
            cron(
                cast("WorkerCoroutine", sweep_job),
                name="sweep",
                second=set(range(0, 60, SWEEP_EVERY)),
                run_at_startup=True,
                unique=False,  # else no second that a clock shows twice is swept again
                max_tries=1,
            ),
            cron(cast("WorkerCoroutine", retain_job), name="retain", minute={7}, max_tries=1),
        ],
        redis_pool=redis,
        queue_name=QUEUE,
        handle_signals=False,
        max_jobs=1000,  # a drain for each destination, and the rest beside them
        queue_read_limit=10_000,
        job_timeout=_JOB_TIMEOUT,
        keep_result=0,
        max_tries=1_000_000,
        poll_delay=POLL,
        health_check_interval=5,
        job_serializer=dumps,
        job_deserializer=json.loads,
        expires_extra_ms=_YEAR_MS,
        log_results=False,
    )


async def _finish(worker: Worker) -> None:
    """Waits for the jobs under way; they have been told to end, and each has its own deadline."""
    jobs = list(worker.tasks.values())
    if jobs:
        await asyncio.wait(jobs)
    for job in jobs:
        if not job.cancelled() and job.exception():
            log.warning("worker.job_ended", error=type(job.exception()).__name__)
