"""What a shop tells in the life of its orders, and the clients that tell it until they are answered.

Each customer's postbacks are sent one after the other: the next only when the last was acknowledged. So
the order in which they must arrive is known, whatever else happens.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx

from tests.support import http_client

SOURCE: Final = "shop"
TOKEN: Final = "token-of-the-fault-suite"
_ANSWER: Final = 8.0
"""Seconds a client waits for an answer: longer than the relay's own deadline, as platforms do."""

_AGAIN: Final = (0.05, 0.4)
"""Seconds until what was not acknowledged is sent again."""


_NONSENSE: Final = (
    b"",
    b"null",
    b"[]",
    b"{",
    b'"text"',
    b"\xff\xfe\x00",
    b'{"a":' * 5_000,
    b'{"orderTotal": 1e999, "emailAddress": "\\ud800@example.com", "customerType": "SALE"}',
    b'{"customerType": "UNHEARD OF", "orderId": 1}',
    b'{"customerType": "SALE", "emailAddress": "' + b"a" * 100_000 + b'@example.com"}',
)
"""None of these says what happened, or to whom."""


class Kind(StrEnum):
    CHECKOUT = "checkout"
    SALE = "sale"
    SHIPPED = "shipped"
    PART_REFUNDED = "part refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


_LIVES: Final[Sequence[Sequence[Kind]]] = (
    (Kind.SALE,),
    (Kind.SALE, Kind.SHIPPED),
    (Kind.CHECKOUT, Kind.SALE, Kind.SHIPPED),
    (Kind.SALE, Kind.SHIPPED, Kind.PART_REFUNDED, Kind.REFUNDED),
    (Kind.SALE, Kind.PART_REFUNDED, Kind.SHIPPED),
    (Kind.SALE, Kind.REFUNDED),
    (Kind.SALE, Kind.CANCELLED),
    (Kind.CHECKOUT,),
)


_MAY_BE_THIN: Final = (Kind.SHIPPED, Kind.CANCELLED)


@dataclass(frozen=True, slots=True)
class Order:
    """Amounts in cents. `refund` is the sum given back by its partial refund."""

    number: int
    email: str
    total: int
    refund: int

    @property
    def name(self) -> str:
        """As people and the destination know it."""
        return f"{self.number:010X}"


@dataclass(slots=True)
class Postback:
    """`relay` is the id it was acknowledged with, `ids` every id it ever got."""

    order: Order
    kind: Kind
    query: str
    body: bytes
    thin: bool = False
    relay: str = ""
    ids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request was met with. `code` is 0 where the connection broke, or nobody answered in time.

    Moments are seconds since 1970.
    """

    asked: float
    came: float
    code: int
    relay: str = ""
    duplicate: bool = False
    retry_after: bool = False
    broke: str = ""

    @property
    def took(self) -> float:
        return self.came - self.asked


@dataclass(slots=True)
class Customer:
    """`told` are the postbacks acknowledged so far, in the order they were sent."""

    email: str
    ahead: list[Postback]
    told: list[Postback] = field(default_factory=list)


def customers(chance: random.Random, postbacks: int, *, orders: int = 3) -> list[Customer]:
    """As many as have `postbacks` to tell together, each with up to `orders` orders, one after the other."""
    made: list[Customer] = []
    left = postbacks
    while left > 0:
        email = f"customer{len(made)}@example.com"
        ahead: list[Postback] = []
        for n in range(chance.randint(1, orders)):
            ahead += _life(chance, Order(len(made) * 10 + n + 1, email, *_amounts(chance)))
        made.append(Customer(email, ahead[:left]))
        left -= len(ahead)
    return made


def a_sale(number: int) -> Postback:
    """Of a customer of its own."""
    order = Order(number, f"customer{number}@example.com", 4_990, 0)
    return _postback(order, Kind.SALE)


def _amounts(chance: random.Random) -> tuple[int, int]:
    total = chance.randint(1_000, 90_000)
    return total, chance.randint(100, total - 100)


def _life(chance: random.Random, order: Order) -> Iterator[Postback]:
    for kind in chance.choice(_LIVES):
        yield _postback(order, kind, thin=kind in _MAY_BE_THIN and chance.random() < 0.25)


def _postback(order: Order, kind: Kind, *, thin: bool = False) -> Postback:
    query = "event=cancelled" if kind is Kind.CANCELLED else ""
    body = _thin(order) if thin else _whole(order)
    return Postback(order, kind, query, json.dumps({**body, **_news(order, kind)}).encode(), thin)


def _thin(order: Order) -> dict[str, Any]:
    return {"orderId": order.number}


def _whole(order: Order) -> dict[str, Any]:
    total = _money(order.total)
    return {
        "orderId": order.number,
        "clientOrderId": order.name,
        "customerId": 100_000 + order.number,
        "campaignId": 7,
        "campaignName": "Glow Serum - US",
        "dateCreated": "2026-03-04 09:30:08",
        "firstName": "Dana",
        "lastName": "Example",
        "emailAddress": order.email,
        "city": "Springfield",
        "state": "IL",
        "country": "US",
        "orderTotal": total,
        "totalPrice": total,
        "basePrice": total,
        "totalShipping": "0.00",
        "totalDiscount": "0.00",
        "currencyCode": "USD",
        "paySource": "CREDITCARD",
        "cardType": "VISA",
        "product1_name": "Glow Serum",
        "product1_crmId": "601",
        "product1_sku": "GLOW",
        "product1_qty": "1",
        "product1_price": total,
    }


def _news(order: Order, kind: Kind) -> dict[str, Any]:
    match kind:
        case Kind.CHECKOUT:
            now = datetime.now(ZoneInfo("America/New_York")).strftime(
                "%Y-%m-%d %H:%M:%S"
            )  # too old is not sent
            return {"customerType": "PARTIAL", "orderStatus": "PARTIAL", "dateCreated": now}
        case Kind.SALE:
            return {"customerType": "SALE", "orderStatus": "COMPLETE", "responseType": "SUCCESS"}
        case Kind.SHIPPED:
            return {"customerType": "FULFILLMENT", "fulfillmentStatus": "SHIPPED", "trackingNumber": "34ABC1"}
        case Kind.PART_REFUNDED:
            remaining = _money(order.total - order.refund)
            return {
                "customerType": "PARTIAL_REFUND",
                "orderStatus": "COMPLETE",
                "dateRefunded": "2026-03-06 16:45:10",
                "refundRemaining": remaining,
            }
        case Kind.REFUNDED:
            return {
                "orderStatus": "REFUNDED",
                "responseType": "SUCCESS",
                "dateRefunded": "2026-03-07 10:00:00",
            }
        case Kind.CANCELLED:
            return {"orderStatus": "CANCELLED"}


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


class Shop:
    """Sends what `crowd` has to tell, at `rate` a second, from `clients` at once, to any of `origins`.

    `duplicates` and `reordering` are the chances that a postback is sent twice, and that one goes before its
    customer's one before; `nonsense` that one nobody can read goes beside it, whose ids are `strays`. Faults
    raise them. `answers` keeps every answer.
    """

    def __init__(
        self,
        crowd: Sequence[Customer],
        origins: Sequence[str],
        *,
        chance: random.Random,
        rate: float,
        clients: int = 24,
    ) -> None:
        self.duplicates = 0.03
        self.reordering = 0.0
        self.nonsense = 0.0
        self.strays: set[str] = set()
        self.answers: list[Answer] = []
        self.crowd = crowd
        self._ahead = self._all = sum(len(customer.ahead) for customer in crowd)
        self._origins = origins
        self._chance = chance
        self._pause = clients / rate
        self._clients = clients

    @property
    def share_told(self) -> float:
        return 1 - self._ahead / self._all

    async def open(self) -> None:
        """Until all is told and acknowledged."""
        shares = [list(self.crowd[n :: self._clients]) for n in range(self._clients)]
        async with http_client(timeout=_ANSWER) as http, asyncio.TaskGroup() as group:
            for share in shares:
                group.create_task(self._client(http, share))

    async def _client(self, http: httpx.AsyncClient, share: list[Customer]) -> None:
        """A few customers at a time, so that each has postbacks close to each other."""
        await asyncio.sleep(self._chance.uniform(0, self._pause))
        while share:
            began = time.monotonic()
            customer = self._chance.choice(share[:6])
            if self._chance.random() < self.reordering:
                customer.ahead[:2] = reversed(customer.ahead[:2])
            await self._tell(http, customer)
            if self._chance.random() < self.nonsense:
                await self._stray(http)
            if not customer.ahead:
                share.remove(customer)
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - began)))

    async def _tell(self, http: httpx.AsyncClient, customer: Customer) -> None:
        postback = customer.ahead.pop(0)
        customer.told.append(postback)
        self._ahead -= 1
        copies = 2 if self._chance.random() < self.duplicates else 1
        async with asyncio.TaskGroup() as group:
            for _ in range(copies):
                group.create_task(self._send(http, postback))

    async def _stray(self, http: httpx.AsyncClient) -> None:
        query = f"stray={self._chance.getrandbits(64)}"
        self.strays.add(await self._until_kept(http, query, self._chance.choice(_NONSENSE)))

    async def _send(self, http: httpx.AsyncClient, postback: Postback) -> None:
        postback.relay = await self._until_kept(http, postback.query, postback.body)
        postback.ids.add(postback.relay)

    async def _until_kept(self, http: httpx.AsyncClient, query: str, body: bytes) -> str:
        """The id it is acknowledged with; a platform that gave up would prove nothing."""
        while True:
            answer = await self._ask(http, query, body)
            self.answers.append(answer)
            if answer.code == httpx.codes.OK:
                return answer.relay
            await asyncio.sleep(self._chance.uniform(*_AGAIN))

    async def _ask(self, http: httpx.AsyncClient, query: str, body: bytes) -> Answer:
        url = f"{self._chance.choice(self._origins)}/in/{SOURCE}/{TOKEN}?{query}"
        asked = time.time()
        try:
            answer = await http.post(url, content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError as error:
            return Answer(asked, time.time(), 0, broke=f"{type(error).__name__} {error}")
        came = time.time()
        if answer.status_code != httpx.codes.OK:
            return Answer(asked, came, answer.status_code, retry_after="retry-after" in answer.headers)
        said = answer.json()
        return Answer(asked, came, answer.status_code, said["id"], said["duplicate"])
