"""Waiting until replicas have what was written, so that a failover loses nothing that was acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from relay.journal.answers import ask
from relay.normalise import times

if TYPE_CHECKING:
    from redis.commands.core import AsyncScript

_AT_LEAST_MS: Final = 1
"""WAIT takes 0 for ever."""


class Replicas:
    """`wanted` of them must have a write; `key` is written for their sake."""

    def __init__(self, redis: Redis, wanted: int, key: str) -> None:
        self._redis = redis
        self._key = key
        self.wanted = wanted
        self._loaded: set[str] = set()

    async def run(
        self, script: AsyncScript, keys: Sequence[str], args: Sequence[str | bytes], patience: timedelta
    ) -> tuple[Any, bool]:
        """What a script answers, and whether enough replicas have its writes, and all before it, in time."""
        if script.sha not in self._loaded:
            await self._load(script)
        found = await self._run(script, keys, args, patience)
        if isinstance(found[0], NoScriptError):  # the server is another, or was restarted
            await self._load(script)
            found = await self._run(script, keys, args, patience)
        for answer in found:
            if isinstance(answer, Exception):
                raise answer
        answers, _, count = found
        return answers, count >= self.wanted

    async def _load(self, script: AsyncScript) -> None:
        await ask(self._redis.script_load(script.script))
        self._loaded.add(script.sha)

    async def _run(
        self, script: AsyncScript, keys: Sequence[str], args: Sequence[str | bytes], patience: timedelta
    ) -> list[Any]:
        # On one connection, since WAIT looks only at what its own one wrote. A script that finds everything
        # recorded before writes nothing, and WAIT would then vouch for nothing: hence the key.
        milliseconds = max(_AT_LEAST_MS, times.in_ms(patience))
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)
            pipe.execute_command("SET", self._key, b"")
            pipe.execute_command("WAIT", self.wanted, milliseconds)
            found: list[Any] = await pipe.execute(raise_on_error=False)
        return found

    async def history(self) -> str:
        """Names the master's line of writes: another after a failover, which may lack the last of the old."""
        info = await ask(self._redis.info("replication"))
        return str(info.get("master_replid", ""))
