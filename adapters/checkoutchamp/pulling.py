"""Asking the query API: orders by the day they were changed, and the catalog (reference section 12)."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from relay.errors import PullError, PullLater, PullRefused
from relay.normalise.contract import SourceContext
from relay.normalise.events import BookedEvent
from relay.normalise.pulling import Answer, Ask, Found, Pull

PER_PAGE: Final = 200  # the documented maximum
CATALOG_BATCH: Final = 100
_SHOWN: Final = 200
_NOTHING: Final = "could be found"
_FINAL: Final = ("whitelist", "login", "password", "permission", "authent", "access", "api user")

Rows = list[dict[str, Any]]


class CheckoutChampApi(BaseModel):
    """[sources.NAME.api]: a user with the access level "Api User", from an address on its white list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    login_id: SecretStr
    password: SecretStr
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")] = "https://api.checkoutchamp.com"
    per_minute: Annotated[int, Field(ge=1, le=600)] = 60
    """No limit is documented; this one is careful."""
    campaign_id: int | None = None
    """Whose prices the catalog has, since a product may cost something else in each; else the first one's."""


class CheckoutChampPuller:
    Api: ClassVar[type[BaseModel]] = CheckoutChampApi

    def __init__(self, source: SourceContext, api: CheckoutChampApi) -> None:
        self._source = source
        self._api = api

    @property
    def per_minute(self) -> int:
        return self._api.per_minute

    def orders(self, since: date, until: date) -> Pull:
        """Day by day: paging is by offset, and over a longer span more rows would shift while it runs."""
        for number in range((until - since).days + 1):
            day = (since + timedelta(days=number)).isoformat()
            yield from self._orders(startDate=day, endDate=day, dateRangeType="dateUpdated", sortDir="1")

    def order(self, event: BookedEvent) -> Pull | None:
        """By its own id; one known by its number alone is looked for among its customer's."""
        hexadecimal = next((name for name in event.names if name.startswith("client:")), None)
        if hexadecimal:
            return self._orders(orderId=hexadecimal.partition(":")[2])
        customer = event.customer.external_id
        return self._orders(customerId=customer) if customer else None

    def _orders(self, **asked: str) -> Pull:
        rows = yield from self._pages("order", includeCustomFields="1", **asked)
        for row in rows:
            yield _found(row)

    def products(self) -> Pull:
        priced: Rows = []
        chosen = {} if self._api.campaign_id is None else {"campaignId": str(self._api.campaign_id)}
        for campaign in (yield from self._pages("campaign", **chosen)):
            products = campaign.get("products") or []
            priced += products.values() if isinstance(products, dict) else products
        known = yield from self._pages("product")
        rows = list(_catalog(priced, known))
        for start in range(0, len(rows), CATALOG_BATCH):
            yield _found({"catalog": rows[start : start + CATALOG_BATCH]})

    def trouble(self, answer: Answer) -> PullError | None:
        """Errors come with status 200, and an empty list is one of them."""
        try:
            said = json.loads(answer.text)
        except ValueError:
            return PullLater("CheckoutChamp answered with something that is no JSON; look at api.url")
        if not isinstance(said, dict) or said.get("result") not in ("SUCCESS", "ERROR"):
            return PullRefused("CheckoutChamp answered with no result; look at api.url")
        message = said.get("message")
        if said["result"] == "SUCCESS":
            return None
        text = message[:_SHOWN] if isinstance(message, str) else json.dumps(message)[:_SHOWN]
        if _NOTHING in text:
            return None
        if any(word in text.lower() for word in _FINAL):
            return PullRefused(
                f"CheckoutChamp refuses: {text}; look at login_id and password, at the user's permissions, "
                "and at its white list of addresses"
            )
        return PullLater(f"CheckoutChamp answers with an error: {text}")

    def _pages(self, what: str, **asked: str) -> Generator[Ask | Found, Answer | None, Rows]:
        """All rows of a query; `data` is an array, or an object keyed by id."""
        rows: Rows = []
        page = 0
        while True:
            page += 1
            answer = yield self._ask(f"/{what}/query/", resultsPerPage=str(PER_PAGE), page=str(page), **asked)
            message = json.loads(answer.text)["message"] if answer else ""
            if not isinstance(message, dict):
                return rows
            data = message.get("data") or []
            fresh = list(data.values() if isinstance(data, dict) else data)
            rows += fresh
            size = _number(message.get("resultsPerPage")) or PER_PAGE
            if not fresh or page * size >= _number(message.get("totalResults")):
                return rows

    def _ask(self, path: str, **asked: str) -> Ask:
        """By POST, so that the password stands in no URL."""
        credentials = {
            "loginId": self._api.login_id.get_secret_value(),
            "password": self._api.password.get_secret_value(),
        }
        return Ask("POST", self._api.url.rstrip("/") + path, form={**credentials, **asked})


def _found(value: Any) -> Found:
    return Found(json.dumps(value).encode())


def _number(value: Any) -> int:
    text = str(value)
    return int(text) if text.isdecimal() else 0


def _catalog(priced: Rows, known: Rows) -> Iterator[dict[str, Any]]:
    """A row for each product of a campaign, with what the catalog adds, then for those in none."""
    by_id = {str(row.get("productId")): row for row in known}
    for row in priced:
        yield {**by_id.pop(str(row.get("productId")), {}), **row}
    yield from by_id.values()
