"""uvicorn in the running loop: no signal handlers, no logs, and connections that a fault can break."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

if TYPE_CHECKING:
    from starlette.types import ASGIApp

EXTENSION: Final = "relay.connection"


class _State(ServerState):
    closing = False


class _Protocol(HttpToolsProtocol):
    """Hands each request its TCP connection, which ASGI hides, so that a fault can close it unanswered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False  # `access_log=False` in the config would silence the whole process

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if getattr(self.server_state, "closing", False):
            transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"transport": self.transport}}


class Listener:
    """Serves `app` on `host`. Closed with `hold`, the port stays ours until the next `open`, and refuses."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._held: socket.socket | None = None
        self._server: uvicorn.Server | None = None

    async def open(self) -> None:
        """Raises OSError where the port is taken."""
        if self._server is not None:
            return
        sock = self._held or _bound(self.host, self.port)
        self._held = None
        self.port = sock.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        config.load()
        server = uvicorn.Server(config)
        server.server_state = _State()
        server.lifespan = config.lifespan_class(config)
        try:
            await server.startup(sockets=[sock])
        except OSError:
            sock.close()
            raise
        self._server = server

    async def close(self, *, hold: bool) -> None:
        """Breaks every connection off, by which alone requests being answered must end."""
        server, self._server = self._server, None
        if server is not None:
            await _end(server)
            self._held = _bound(self.host, self.port) if hold else None
        elif not hold and self._held is not None:
            self._held.close()
            self._held = None


async def _end(server: uvicorn.Server) -> None:
    state = server.server_state
    state.closing = True  # type: ignore[attr-defined]
    for listening in server.servers:
        listening.close()
    while state.connections or state.tasks:
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
    for listening in server.servers:
        await listening.wait_closed()


def _bound(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only where it is; without, answers take 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock
