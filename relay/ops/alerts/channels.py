"""Where alerts go: webhooks that read Slack's JSON, and mail. An error names no address, user or password."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from relay.ops.alerts.words import Message

TIMEOUT: Final = timedelta(seconds=10)
"""Of one message, so that a process that is told to end need not wait for longer."""

Security = Literal["starttls", "tls", "none"]
PORTS: Final[dict[Security, int]] = {"starttls": 587, "tls": 465, "none": 25}


class Unsent(Exception):
    """A channel did not take a message; it is tried again."""


class Channel(Protocol):
    """`name` tells it from others, in logs and metrics too."""

    @property
    def name(self) -> str: ...

    async def send(self, message: Message) -> None:
        """Raises Unsent."""

    async def look(self) -> None:
        """As far as can be told without sending anything. Raises Unsent."""


class Webhook:
    """Takes `{"text": ...}`, as Slack, Mattermost and others do, with the same as fields beside it."""

    def __init__(self, url: str) -> None:
        """Raises ValueError, without the URL, which is a secret."""
        host = _host(url)
        if host is None:
            raise ValueError("is no URL that begins with https:// or http://")
        self._url = url
        self.name = f"webhook {host} {hashlib.blake2b(url.encode(), digest_size=3).hexdigest()}"

    async def send(self, message: Message) -> None:
        body = {"text": message.text, "alerts": message.alerts}
        try:
            async with _deadline(), httpx.AsyncClient(timeout=None, trust_env=False) as client:  # noqa: S113
                answer = await client.post(self._url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise Unsent(f"no answer: {type(error).__name__}") from None
        if not answer.is_success:
            raise Unsent(f"it answered {answer.status_code}")

    async def look(self) -> None:
        return


def _host(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


@dataclass(frozen=True, slots=True)
class Mail:
    """By SMTP. Without `user` nobody logs in."""

    host: str
    port: int
    security: Security
    sender: str
    to: Sequence[str]
    user: str | None = None
    password: str | None = None

    name: Final = "mail"

    async def send(self, message: Message) -> None:
        mail = EmailMessage()
        mail["Subject"] = message.subject
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = formatdate()
        mail["Message-ID"] = self._message_id(message)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        try:
            async with _deadline(), self._client() as client:
                await client.send_message(mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unsent(_said(error)) from None

    async def look(self) -> None:
        try:
            async with _deadline(), self._client():
                return
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Unsent(_said(error)) from None

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            use_tls=self.security == "tls",
            start_tls=self.security == "starttls",
            username=self.user,
            password=self.password,
            timeout=None,
        )

    def _message_id(self, message: Message) -> str:
        """The same for one message whenever it is sent, so that a mailbox shows a second sending once."""
        digest = hashlib.blake2b(message.id.encode(), digest_size=12).hexdigest()
        return f"<{digest}@{self.sender.rpartition('@')[2].strip('>') or 'relay'}>"


def _deadline() -> asyncio.Timeout:
    return asyncio.timeout(TIMEOUT.total_seconds())


def _said(error: Exception) -> str:
    """The server's own words may hold addresses."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"it answered {error.code}"
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLError):
        return "its certificate is not trusted, or it speaks no TLS on this port"
    return f"no answer: {type(cause).__name__}"
