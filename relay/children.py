"""Child processes: they end with their starter, end gracefully when asked, and start again when they fail."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NoReturn, Protocol

import structlog

from relay.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_log = structlog.get_logger("relay.children")
_TETHER: Final = Path(__file__).with_name("tether.py")
GRACE: Final = 10.0  # seconds between "please end" and the kill


class Service(Protocol):
    """What `keep` can look after."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None: ...

    async def wait(self) -> int: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None: ...


class Child:
    """One process in a session of its own, so that a Ctrl-C in the terminal reaches its starter alone.

    If the starter is killed, the child gets SIGTERM (Linux). `output` takes what it prints, else it goes
    where ours goes; `share` are descriptors it keeps open. What does not end within `grace` is killed.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        output: int | IO[bytes] | None = None,
        share: Sequence[int] = (),
        grace: float = GRACE,
    ) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._output = output
        self._share = share
        self._grace = grace
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _TETHER, str(os.getpid())),
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env=self._env,
            pass_fds=self._share,
            start_new_session=True,
        )

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.wait(), self._grace)
        except TimeoutError:
            _log.warning("child.killed", child=self.name, after_seconds=self._grace)
            await self.kill()

    async def kill(self) -> None:
        self._signal(signal.SIGKILL)
        await self.wait()

    def _signal(self, which: signal.Signals) -> None:
        if self._process is not None and self.alive:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, which)  # asyncio's own way would steal the exit code (gh-87744)


async def keep(
    service: Service, *, first_pause: float = 0.5, longest_pause: float = 10, quick: float = 2
) -> NoReturn:
    """Starts a running service again whenever it ends.

    Raises SettingsError when it ended with code 1 three times within `quick` seconds of its start: that is
    a wrong setting, and waiting mends none.
    """
    clock = asyncio.get_running_loop().time
    pause, failures, began = first_pause, 0, clock()
    refusal = SettingsError(f"{service.name} ended three times right after its start; its message is above")
    while True:
        code = await service.wait()
        lived = clock() - began
        failures = failures + 1 if code == 1 and lived < quick else 0
        if failures == 3:  # noqa: PLR2004
            raise refusal
        if lived > longest_pause:
            pause = first_pause
        _log.warning("child.ended", child=service.name, code=code, starts_again_in_seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, longest_pause)
        began = clock()
        try:
            await service.start()
        except SettingsError as error:
            refusal = error
            _log.warning("child.refused", child=service.name, reason=str(error))
