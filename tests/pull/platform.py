"""A CheckoutChamp of the tests' own: its query API, answering from files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from relay.testing.standin.server import Listener

FILES = Path(__file__).parents[2] / "adapters" / "checkoutchamp" / "fixtures" / "api"
PASSWORD = "the-password-of-the-api-user"


@dataclass
class Platform:
    """`asked` are the forms sent to it, without credentials. `trouble` are answers given first, each once."""

    asked: list[dict[str, str]] = field(default_factory=list)
    trouble: list[tuple[int, str]] = field(default_factory=list)
    day: str = "2026-08-12"
    """The day its orders were changed on."""
    url: str = ""

    @property
    def api(self) -> dict[str, Any]:
        return {"login_id": "relay", "password": PASSWORD, "url": self.url, "per_minute": 600}

    async def answer(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        assert not request.query_params  # a password in a URL ends in somebody's log
        assert (form.pop("loginId"), form.pop("password")) == ("relay", PASSWORD)
        self.asked.append({"path": request.url.path, **form})
        if self.trouble:
            status, text = self.trouble.pop(0)
            return Response(text, status)
        return Response(self._told(request.path_params["what"], form), media_type="text/html")

    def _told(self, what: str, form: dict[str, str]) -> str:
        if what == "order" and form.get("startDate", self.day) != self.day:
            return file("03-order_query-none")
        if what == "order":
            return file(f"0{form['page']}-order_query-page{form['page']}")
        return file("05-product_query" if what == "product" else "06-campaign_query")


def file(name: str) -> str:
    return (FILES / f"{name}.json").read_text()


@asynccontextmanager
async def platform() -> AsyncIterator[Platform]:
    made = Platform()
    async with served(Route("/{what}/query/", made.answer, methods=["POST"])) as made.url:
        yield made


@asynccontextmanager
async def served(*routes: Route) -> AsyncIterator[str]:
    """Where `routes` can be asked."""
    listener = Listener(Starlette(routes=list(routes)), "127.0.0.1", 0)
    await listener.open()
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        await listener.close(hold=False)
