"""`Standin`: one stand-in on a port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, Unpack

from relay.testing.standin import app
from relay.testing.standin.api import BASE
from relay.testing.standin.server import Listener
from relay.testing.standin.state import Settings, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Standin(State):
    """A Commerce API of one's own, of which `State` says what it may be set to."""

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self._listener = Listener(app.build(self), host, port)

    @classmethod
    @asynccontextmanager
    async def serve(
        cls, *, host: str = "127.0.0.1", port: int = 0, **settings: Unpack[Settings]
    ) -> AsyncIterator[Self]:
        """A started stand-in, to be closed at the end."""
        standin = cls(host=host, port=port, **settings)
        await standin.start()
        try:
            yield standin
        finally:
            await standin.close()

    async def start(self) -> None:
        """Raises OSError where the port is taken."""
        self.stopped = False
        await self._listener.open()

    async def stop(self) -> None:
        """Down: connections break, new ones are refused. What it knows and the port are kept for `start`."""
        await self._end(hold=True)

    async def close(self) -> None:
        """Stops and gives the port up."""
        await self._end(hold=False)

    async def _end(self, *, hold: bool) -> None:
        self.stopped = True
        self.release()
        await self._listener.close(hold=hold)

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def origin(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._listener.host, self._listener.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, for a destination's `url`."""
        return self.origin + BASE
