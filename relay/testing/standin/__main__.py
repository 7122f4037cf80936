"""`python -m relay.testing.standin`: the stand-in as a process, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import uvicorn

from relay.testing.standin.standin import Standin

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m relay.testing.standin", description="A stand-in Commerce API."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8081, help="0 takes a free one")
    parser.add_argument(
        "--key", action="append", dest="keys", help="accept this API key only; may be repeated"
    )
    parser.add_argument("--shape", choices=["A", "B", "C"], default="A", help="of the errors' bodies")
    parser.add_argument("--per-minute", type=int, default=0, metavar="N", help="requests a minute and key")
    parser.add_argument("--per-second", type=int, default=0, metavar="N", help="requests a second and key")
    parser.add_argument("--retry-after", action="store_true", help="let a 429 say when to come back")
    parser.add_argument("--keep", type=int, default=10_000, metavar="N", help="records remembered")
    standin = Standin(**vars(parser.parse_args(arguments)))
    loop = uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=loop) as runner:
        try:
            runner.run(_serve(standin))
        except OSError as error:
            sys.exit(f"The stand-in cannot listen: {error}")


async def _serve(standin: Standin) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await standin.start()
    sys.stdout.write(f"Stand-in Commerce API: {standin.url}\n")
    sys.stdout.flush()
    await ended.wait()
    await standin.close()


if __name__ == "__main__":
    main()
