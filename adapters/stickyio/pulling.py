"""Asking the API: orders by the days they were made or changed, one order, and the product index."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, ClassVar, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from relay.errors import PullError, PullLater, PullRefused
from relay.normalise import money
from relay.normalise.contract import SourceContext
from relay.normalise.events import BookedEvent
from relay.normalise.pulling import Answer, Ask, Found, Pull

MOST_IDS: Final = 50_000  # in one answer; a fuller one is cut without a word
VIEWED: Final = 100  # at once; some methods bear 500
CATALOG_BATCH: Final = 100
_CHANGES: Final = ("chargeback", "refund", "reprocess", "void")
_NOTES: Final = ("employeeNotes", "systemNotes")  # of people, for people
_SHOWN: Final = 200
_GOOD: Final = "100"
_FINE: Final = frozenset(
    {_GOOD, "333", "350", "911"}
)  # 333: none found; 350: no such order; 911: some of each
_TOO_MANY: Final = "410"

Asking = Generator[Ask | Found, Answer | None, Any]


class StickyioApi(BaseModel):
    """[sources.NAME.api]: an API user, from an address it may come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """The account's own, such as https://acme.sticky.io."""
    user: SecretStr
    password: SecretStr
    per_minute: Annotated[int, Field(ge=1, le=120)] = 60
    """The documented limit is 120 for each method."""
    currencies: dict[str, Annotated[str, AfterValidator(money.currency_code)]] = Field(default_factory=dict)
    """The currency of a campaign, by its id, where it is not the source's: orders do not say theirs."""


class StickyioPuller:
    Api: ClassVar[type[BaseModel]] = StickyioApi

    def __init__(self, source: SourceContext, api: StickyioApi) -> None:
        self._source = source
        self._api = api

    @property
    def per_minute(self) -> int:
        return self._api.per_minute

    def orders(self, since: date, until: date) -> Pull:
        for number in range((until - since).days + 1):
            day = since + timedelta(days=number)
            first, last = datetime.combine(day, time.min), datetime.combine(day, time(23, 59, 59))
            made = yield from self._ids("order_find", first, last)
            changed = yield from self._ids("order_find_updated", first, last, group_keys=list(_CHANGES))
            yield from self._views(dict.fromkeys([*made, *changed]))

    def order(self, event: BookedEvent) -> Pull | None:
        number = next((name.partition(":")[2] for name in event.names if name.startswith("order:")), None)
        return self._views([number]) if number else None

    def products(self) -> Pull:
        said = yield from self._said("product_index", product_id="all")
        rows = _rows(said.get("products"))
        for start in range(0, len(rows), CATALOG_BATCH):
            yield _found({"catalog": rows[start : start + CATALOG_BATCH]})

    def trouble(self, answer: Answer) -> PullError | None:
        """Errors come with status 200, and an empty list is one of them."""
        try:
            said = json.loads(answer.text)
        except ValueError:
            return PullLater("Sticky.io answered with something that is no JSON; look at api.url")
        codes = _codes(said)
        if not codes:
            return PullRefused("Sticky.io answered without a response_code; look at api.url")
        if codes & _FINE:  # of two that contradict each other the good one was right
            return None
        code = min(codes)
        message = said.get("error_message") or said.get("message") or ""
        if code == _TOO_MANY:
            return PullLater("Sticky.io answers 410 again and again: its limit; lower per_minute")
        return PullRefused(
            f"Sticky.io refuses with code {code}: {str(message)[:_SHOWN]}; look at user and password, at the "
            "user's methods and campaigns, and at the addresses it may come from"
        )

    def _ids(
        self, method: str, first: datetime, last: datetime, **more: Any
    ) -> Generator[Ask | Found, Answer | None, list[str]]:
        """The orders of a span; of one too full for an answer, those of its halves."""
        said = yield from self._said(
            method,
            campaign_id="all",
            start_date=f"{first:%m/%d/%Y}",
            start_time=f"{first:%H:%M:%S}",
            end_date=f"{last:%m/%d/%Y}",
            end_time=f"{last:%H:%M:%S}",
            criteria="all",
            search_type="all",
            **more,
        )
        found = said.get("order_id") or []
        ids = [str(one) for one in (found if isinstance(found, list) else [found])]
        if len(ids) < MOST_IDS or first == last:
            return ids
        middle = first + timedelta(seconds=(last - first) // timedelta(seconds=2))
        earlier = yield from self._ids(method, first, middle, **more)
        later = yield from self._ids(method, middle + timedelta(seconds=1), last, **more)
        return earlier + later

    def _views(self, ids: Iterable[str]) -> Pull:
        wanted = list(ids)
        for start in range(0, len(wanted), VIEWED):
            said = yield from self._said("order_view", order_id=wanted[start : start + VIEWED])
            for row in _rows(said["data"]) if "data" in said else [said]:
                if _GOOD in _codes(row):
                    yield self._order(row)

    def _order(self, row: dict[str, Any]) -> Found:
        currency = self._api.currencies.get(str(row.get("campaign_id")))
        told = {name: value for name, value in row.items() if name not in _NOTES}
        return _found({"order_view": told} | ({"currency_code": currency} if currency else {}))

    def _said(self, method: str, **asked: Any) -> Generator[Ask | Found, Answer | None, dict[str, Any]]:
        url = f"{self._api.url.rstrip('/')}/api/v1/{method}"
        credentials = (self._api.user.get_secret_value(), self._api.password.get_secret_value())
        answer = yield Ask("POST", url, json=asked, basic=credentials)
        said: dict[str, Any] = json.loads(answer.text) if answer else {}
        return said


def _found(value: Any) -> Found:
    return Found(json.dumps(value).encode())


def _rows(value: Any) -> list[dict[str, Any]]:
    rows = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict)]


def _codes(said: Any) -> set[str]:
    """Every code of an answer, newer methods' 10333 as 333."""
    found = (
        {str(said[name]) for name in ("response_code", "responseCode") if said.get(name)}
        if isinstance(said, dict)
        else set()
    )
    return {code[2:] if len(code) == len("10333") and code.startswith("10") else code for code in found}
