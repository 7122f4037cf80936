"""Where alerts arrive in tests: a small webhook server and a small SMTP server, both real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Hook:
    """Takes POSTs of JSON. `status` is what it answers; `stop` and `start` keep the port."""

    def __init__(self) -> None:
        self.status = 200
        self.bodies: list[dict[str, Any]] = []
        self.tries = 0
        self._port = 0
        self._server: asyncio.Server | None = None
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        hook = cls()
        await hook.start()
        yield hook
        await hook.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/services/a-secret-path"

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [alert for body in self.bodies for alert in body["alerts"]]

    def told(self, state: str, kind: str) -> list[dict[str, Any]]:
        return [alert for alert in self.alerts if (alert["state"], alert["kind"]) == (state, kind)]

    async def until(self, state: str, kind: str) -> dict[str, Any]:
        """The first such alert, once it is there."""
        await self.until_told(1, state, kind)
        return self.told(state, kind)[0]

    async def until_told(self, times: int, state: str, kind: str) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: len(self.told(state, kind)) >= times)

    async def until_tried(self, times: int) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: self.tries >= times)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with self._news:
            self.tries += 1
            if self.status == 200:
                self.bodies.append(body)
            self._news.notify_all()


class Mailbox:
    """Takes mail from whoever logs in as `user` with `password`; on the loop of the test."""

    def __init__(self) -> None:
        self.user, self.password = "relay", "a-mail-password"
        self.mails: list[EmailMessage] = []
        self.port = 0
        self._news = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def serving(cls) -> AsyncIterator[Self]:
        box = cls()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(box._session, "127.0.0.1", 0)
        box.port = server.sockets[0].getsockname()[1]
        yield box
        server.close()
        await server.wait_closed()

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "security": "none",
            "user": self.user,
            "password": self.password,
            "from": "Relay <relay@shop.example>",
            "to": ["ops@shop.example"],
        }

    async def until(self, subject: str) -> EmailMessage:
        """The first mail with `subject` in its subject."""

        def found() -> list[EmailMessage]:
            return [mail for mail in self.mails if subject in str(mail["subject"])]

        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(found)
        return found()[0]

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if not session.authenticated:
            return "530 log in first"
        assert isinstance(envelope.content, bytes)
        async with self._news:
            self.mails.append(message_from_bytes(envelope.content, policy=default))
            self._news.notify_all()
        return "250 OK"

    def _session(self) -> SMTP:
        return SMTP(self, authenticator=self._may, auth_require_tls=False)

    def _may(self, _: SMTP, __: Session, ___: Envelope, ____: str, said: LoginPassword) -> AuthResult:
        right = LoginPassword(self.user.encode(), self.password.encode())
        return AuthResult(success=said == right, handled=False)
