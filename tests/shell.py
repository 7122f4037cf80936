"""The `relay` command as a person runs it: in a folder with a relay.toml."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import TOKEN


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """A folder with a relay.toml, and an environment of its own."""

    folder: Path
    variables: dict[str, str]

    async def relay(self, *words: str | Path) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "relay",
            *map(str, words),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error", **self.variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def running(self, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that runs until it is told to end; at the end of the test it is killed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "relay", command),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **self.variables},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def configure(self, url: str, *, more: str = "", source: str = "") -> None:
        (self.folder / "relay.toml").write_text(
            f"""
            [destinations.main]
            api_key = "env:THE_KEY"
            url = "{url}"
            {more}
            [sources.shop]
            adapter = "checkoutchamp"
            destination = "main"
            tokens = ["{TOKEN}"]
            currency = "USD"
            {source}
            """
        )
