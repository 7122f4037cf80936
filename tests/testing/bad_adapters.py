"""An adapter that holds every rule, and one for each rule that breaks it and no other on purpose."""

from __future__ import annotations

import json
import random
import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from relay import httpfile
from relay.errors import Malformed, Unmappable, Unsupported
from relay.normalise import money, times
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.events import Customer, Event, OrderFulfilled, OrderPlaced
from relay.normalise.nested import Nested
from relay.normalise.registry import AdapterType
from relay.testing import fixtures
from relay.testing.fixtures import Fixture, Step
from relay.testing.subjects import Subject

KINDS: dict[str, type[OrderPlaced | OrderFulfilled]] = {"paid": OrderPlaced, "sent": OrderFulfilled}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Good:
    """Each step is a method of its own, for the bad ones to spoil."""

    name: ClassVar[str] = "subject"
    Options: ClassVar[type[BaseModel]] = Options
    dropped: ClassVar[frozenset[str]] = frozenset({"card"})

    def __init__(self, source: SourceContext, options: BaseModel) -> None:
        self.source = source

    def read(self, postback: Postback) -> Reading:
        said = self.opened(postback)
        if not said:
            return self.nothing(postback)
        kind = self.kind(said)
        return Events((said.made(kind, **self.fields(said, postback)),))

    def opened(self, postback: Postback) -> Nested:
        return Nested.of(postback)

    def nothing(self, postback: Postback) -> Reading:
        return Ignored("ping")

    def kind(self, said: Nested) -> type[Event]:
        word = said.text("event")
        if word not in KINDS:
            raise Unsupported("no known word", field="event")
        return KINDS[word]

    def fields(self, said: Nested, postback: Postback) -> dict[str, Any]:
        order_id = self.order_id(said, postback)
        code, total = self.total(said)
        return {
            "order_id": order_id,
            "names": (f"id:{order_id}",),
            "currency": code,
            "total_minor": total,
            "ordered_at": self.ordered_at(said),
            "customer": self.customer(said, postback),
        }

    def order_id(self, said: Nested, postback: Postback) -> str:
        return said.needed("id")

    def total(self, said: Nested) -> tuple[str | None, int | None]:
        currency = said.currency("currency", self.source.currency)
        return currency.code, said.minor("total", currency)

    def ordered_at(self, said: Nested) -> datetime | None:
        return said.moment("at", self.source.timezone)

    def customer(self, said: Nested, postback: Postback) -> Customer:
        return said.made(Customer, email=said.text("email"))


class ReadsTheClock(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        return super().ordered_at(said) or datetime.now(UTC)


class ReadsTheClockForNothing(Good):
    def kind(self, said: Nested) -> type[Event]:
        if datetime.now(UTC).year < 2000:
            raise Unsupported("too early")
        return super().kind(said)


class ThrowsDice(Good):
    def customer(self, said: Nested, postback: Postback) -> Customer:
        return super().customer(said, postback).model_copy(update={"external_id": str(random.randrange(10))})


class OpensAFile(Good):
    def kind(self, said: Nested) -> type[Event]:
        with Path(__file__).open() as file:
            file.read(1)
        return super().kind(said)


class Remembers(Good):
    seen: ClassVar[set[str]] = set()

    def nothing(self, postback: Postback) -> Reading:
        return Ignored("ping")

    def customer(self, said: Nested, postback: Postback) -> Customer:
        known = said.needed("id") in self.seen
        self.seen.add(said.needed("id"))
        return super().customer(said, postback).model_copy(update={"external_id": "old" if known else "new"})


class KeepsTheLastSource(Good):
    zone: ClassVar[tzinfo] = ZoneInfo("UTC")

    def __init__(self, source: SourceContext, options: BaseModel) -> None:
        super().__init__(source, options)
        type(self).zone = source.timezone

    def ordered_at(self, said: Nested) -> datetime | None:
        assert isinstance(self.zone, ZoneInfo)
        return said.moment("at", self.zone)


class ForgetsTheDate(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        return None


class TakesTheMachinesTime(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        found = said.moment("at", ZoneInfo("UTC"))
        return None if found is None else found.replace(tzinfo=None).astimezone(UTC)


class ForgetsTheZone(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        return said.moment("at", ZoneInfo("UTC"))


class CutsTheOffset(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        text = (said.text("at") or "")[:19].replace("T", " ")
        try:
            return times.parse(text, self.source.timezone)
        except ValueError:
            return None


class MovesWhatHasAnOffset(Good):
    def ordered_at(self, said: Nested) -> datetime | None:
        found = said.moment("at", ZoneInfo("UTC"))
        return None if found is None else found.replace(tzinfo=self.source.timezone)


class GuessesASale(Good):
    def kind(self, said: Nested) -> type[Event]:
        return KINDS.get(said.text("event") or "", OrderPlaced)


class GuessesASaleFromItsTotal(Good):
    def kind(self, said: Nested) -> type[Event]:
        if said.text("event") not in KINDS and said.text("total"):
            return OrderPlaced
        return super().kind(said)


class CountsInFloats(Good):
    def total(self, said: Nested) -> tuple[str | None, int | None]:
        code, exact = super().total(said)
        if exact is None or code is None:
            return code, exact
        return code, int(float(said.needed("total")) * 10 ** money.EXPONENTS[code])


class CountsInHundredths(Good):
    def total(self, said: Nested) -> tuple[str | None, int | None]:
        code, exact = super().total(said)
        if exact is None:
            return code, exact
        return code, money.rounded(money.amount(said.needed("total")) * 100)


class TakesAnyCurrencyForItsOwn(Good):
    def total(self, said: Nested) -> tuple[str | None, int | None]:
        try:
            return super().total(said)
        except Unmappable:
            code = self.source.currency or "USD"
            return code, money.minor(said.text("total") or "0", code)


class RaisesKeyError(Good):
    def order_id(self, said: Nested, postback: Postback) -> str:
        return str(json.loads(postback.body)["id"])


class ReadsHalfAnOrder(Good):
    def opened(self, postback: Postback) -> Nested:
        try:
            return super().opened(postback)
        except Malformed:
            text = postback.body.decode(errors="replace")
            return Nested(dict(re.findall(r'"(\w+)": ?"([^"]*)"', text)))


class MakesUpItsIds(Good):
    def order_id(self, said: Nested, postback: Postback) -> str:
        super().order_id(said, postback)
        return sha256(postback.body).hexdigest()[:12]


class TakesTheToken(Good):
    def customer(self, said: Nested, postback: Postback) -> Customer:
        token = postback.headers.get("authorization")
        return super().customer(said, postback).model_copy(update={"external_id": token})


class DecidesByACard(Good):
    def customer(self, said: Nested, postback: Postback) -> Customer:
        is_test = said.text("card") == "0000"
        return (
            super().customer(said, postback).model_copy(update={"external_id": "test" if is_test else None})
        )


class KnowsAPerson(Good):
    def order_id(self, said: Nested, postback: Postback) -> str:
        if said.text("email") == "test@mine.example":
            raise Unmappable("email", "is our own")
        return super().order_id(said, postback)


class SendsWhatIsReserved(Good):
    def customer(self, said: Nested, postback: Postback) -> Customer:
        return super().customer(said, postback).model_copy(update={"attributes": {"ltv": 1}})


class SkipsTheModels(Good):
    def customer(self, said: Nested, postback: Postback) -> Customer:
        return Customer.model_construct(email=said.text("email"))


class ReturnsNothing(Good):
    def nothing(self, postback: Postback) -> Reading:
        return None  # type: ignore[return-value]


class IgnoresWithoutAReason(Good):
    def nothing(self, postback: Postback) -> Reading:
        return Ignored(" ")


class SellsToAPing(Good):
    def nothing(self, postback: Postback) -> Reading:
        return Events((OrderPlaced(order_id="0", names=("id:0",), currency="USD", total_minor=0),))


class TakesAnyOption(Good):
    class Options(BaseModel):
        pass


class HasAnotherName(Good):
    name = "someone"


class DropsByAnotherSpelling(Good):
    dropped = frozenset({"card_number"})


PAID = {
    "event": "paid",
    "id": "A-1",
    "total": "59.90",
    "currency": "USD",
    "email": "lena@example.com",
    "at": "2026-05-04 18:20:00",
    "card": "0000",
}
REQUESTS: dict[str, dict[str, Any]] = {
    "order_placed__paid": PAID,
    "order_placed__number": {**PAID, "total": Decimal("59.90"), "at": "2026-05-04T18:20:00+02:00"},
    "order_placed__no_currency": {k: v for k, v in PAID.items() if k != "currency"},
    "order_placed__no_date": {k: v for k, v in PAID.items() if k != "at"},
    "order_fulfilled__sent": {**PAID, "event": "sent"},
    "error__unknown": {"event": "teleported", "id": "A-1"},
}


def subject(built: Any = Good) -> Subject:
    """With the fixtures as the good adapter reads them."""
    kind = AdapterType(name="subject", build=built, options=built.Options)
    requests = {name: _request(body) for name, body in REQUESTS.items()}
    good = AdapterType(name="subject", build=Good, options=Options)
    told = tuple(_fixture(good, name, request) for name, request in requests.items())
    return Subject("subject", kind, Path("subject"), "subject 0", told)


def _request(body: dict[str, Any]) -> httpfile.RawRequest:
    text = json.dumps({k: v for k, v in body.items() if not isinstance(v, Decimal)})
    for key, value in body.items():
        if isinstance(value, Decimal):
            text = f'{text[:-1]}, "{key}": {value}}}'
    return httpfile.parse(f"POST /in/x HTTP/1.1\ncontent-type: application/json\n\n{text}".encode())


def _fixture(kind: AdapterType, name: str, request: httpfile.RawRequest) -> Fixture:
    (outcome,) = fixtures.outcomes(kind, Fixture(name, (Step(request, {}),)))
    return Fixture(name, (Step(request, outcome),))


def installed(folder: Path, built: type[Good]) -> Path:
    """Makes `folder` a place that brings `built` as a distribution; to be on the path is all it needs."""
    package = folder / "bad_adapter"
    (package / "fixtures").mkdir(parents=True)
    (package / "__init__.py").write_text(f"from {__name__} import {built.__name__} as Subject\n")
    for name, body in REQUESTS.items():
        head = b"POST /in/x HTTP/1.1\ncontent-type: application/json\n\n"
        (package / "fixtures" / f"{name}.http").write_bytes(head + _request(body).body)
        expected = next(one for one in subject().fixtures if one.name == name).steps[0].expected
        (package / "fixtures" / f"{name}.json").write_text(fixtures.as_file({}, expected))
    information = folder / "bad_adapter-0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-adapter\nVersion: 0\n")
    (information / "entry_points.txt").write_text("[relay.adapters]\nsubject = bad_adapter:Subject\n")
    return folder
