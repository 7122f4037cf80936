"""The reference of delivery: the plain design of one arq job for each call, as most would write it.

`python -m tests.bench.plain REDIS_URL API_URL COUNT` queues that many, delivers them, and prints the rate.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import httpx
from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker

from tests.bench.rig import KEY

ORDER = {"status": "placed", "totalCents": 4990, "currency": "USD", "customer": {"email": "jo@example.com"}}


async def deliver(ctx: dict[Any, Any], number: int) -> None:
    answer = await ctx["http"].post("/orders", json={"orderId": f"P-{number}", **ORDER})
    answer.raise_for_status()


async def main(redis_url: str, api_url: str, count: int) -> None:
    settings = RedisSettings.from_dsn(redis_url)
    pool = await create_pool(settings)
    for start in range(0, count, 100):
        await asyncio.gather(
            *(pool.enqueue_job("deliver", number) for number in range(start, min(start + 100, count)))
        )

    async def open_http(ctx: dict[Any, Any]) -> None:
        ctx["http"] = httpx.AsyncClient(base_url=api_url, headers={"authorization": f"Bearer {KEY}"})

    worker = Worker(
        [func(deliver, name="deliver")],
        redis_settings=settings,
        burst=True,
        max_jobs=50,
        poll_delay=0.01,
        keep_result=0,
        on_startup=open_http,
        handle_signals=False,
    )
    began = time.perf_counter()
    await worker.main()
    sys.stdout.write(f"{worker.jobs_complete / (time.perf_counter() - began)}")
    await worker.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
