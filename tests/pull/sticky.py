"""A Sticky.io of the tests' own: its API v1, answering from files."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.pull.platform import served

FILES = Path(__file__).parents[2] / "adapters" / "stickyio" / "fixtures" / "api"
PASSWORD = "the-password-of-the-api-user"
_BASIC = "Basic " + base64.b64encode(f"relay:{PASSWORD}".encode()).decode()


@dataclass
class Sticky:
    """`asked` are the bodies sent to it, with the method. `trouble` are answers given first, each once."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[tuple[int, str]] = field(default_factory=list)
    day: str = "11/25/2025"
    """The day its orders were made on."""
    most: int | None = None
    """How many ids it finds in a whole day."""
    url: str = ""

    @property
    def api(self) -> dict[str, Any]:
        return {"user": "relay", "password": PASSWORD, "url": self.url, "per_minute": 120}

    def asked_of(self, method: str) -> list[dict[str, Any]]:
        return [asked for asked in self.asked if asked["method"] == method]

    async def answer(self, request: Request) -> Response:
        assert request.headers["authorization"] == _BASIC
        method = request.path_params["method"]
        asked = json.loads(await request.body())
        self.asked.append({"method": method, **asked})
        if self.trouble:
            status, text = self.trouble.pop(0)
            return Response(text, status)
        return Response(self._told(method, asked), media_type="application/json")

    def _told(self, method: str, asked: dict[str, Any]) -> str:
        if method == "product_index":
            return file("07-product_index")
        if method == "order_view":
            return _viewed(asked["order_id"])
        if self.most and (asked["start_time"], asked["end_time"]) == ("00:00:00", "23:59:59"):
            return json.dumps({"response_code": "100", "order_id": [str(n) for n in range(self.most)]})
        if method == "order_find" and asked["start_date"] == self.day and asked["start_time"] == "00:00:00":
            return file("03-order_find")
        return file("04-order_find-none")


def file(name: str) -> str:
    return (FILES / f"{name}.json").read_text()


def _viewed(ids: list[str]) -> str:
    known: dict[str, Any] = json.loads(file("02-order_view-multi"))["data"]
    rows = {number: known.get(number, {"response_code": "350"}) for number in ids}
    if len(ids) == 1:
        return json.dumps(rows[ids[0]])
    return json.dumps({"response_code": "100", "data": rows})


@asynccontextmanager
async def sticky() -> AsyncIterator[Sticky]:
    made = Sticky()
    async with served(Route("/api/v1/{method}", made.answer, methods=["POST"])) as made.url:
        yield made
