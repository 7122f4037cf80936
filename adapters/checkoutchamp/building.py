"""Events out of a payload, once it is clear what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from adapters.checkoutchamp import items, refunds, values
from adapters.checkoutchamp.mapping import Does, Verdict
from adapters.checkoutchamp.options import CheckoutChampOptions
from adapters.checkoutchamp.properties import Subject
from adapters.checkoutchamp.state import shipment
from adapters.checkoutchamp.values import Ids
from adapters.checkoutchamp.words import NOTICES, ON_ITS_WAY, Means
from relay.errors import Unmappable
from relay.normalise import urls
from relay.normalise.amounts import Money, amount, missing
from relay.normalise.beside import Plan, collect
from relay.normalise.building import customer, priced, unmappable
from relay.normalise.contract import SourceContext
from relay.normalise.events import (
    CheckoutStarted,
    Customer,
    CustomerEvent,
    Event,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
    Scalar,
)
from relay.normalise.payload import Payload, cut, fitting_id

_DIGEST_LENGTH: Final = 24
# Which field of theirs a value of ours comes from, for an error the merchant can act on.
_FIELD_OF: Final = {
    "order_id": "orderId",
    "names": "orderId",
    "email": "emailAddress",
    "customer": "emailAddress",
    "currency": "currencyCode",
    "total_minor": "totalPrice",
    "ordered_at": "dateCreated",
    "started_at": "dateCreated",
    "url": "salesUrl",
    "refund": "refundRemaining",
    "amount_minor": "refundRemaining",
}


@dataclass(frozen=True, slots=True)
class Context:
    """One source as this adapter needs it, made once."""

    source: SourceContext
    options: CheckoutChampOptions
    attributes: Plan[Subject]
    properties: Plan[Subject]


Fields = dict[str, Any]


def build(verdict: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    """The events; none where a refund turns out to be of nothing. Raises Unmappable."""
    try:
        return _BUILDERS[verdict.does](verdict, payload, context)
    except ValidationError as error:
        raise unmappable(error, _FIELD_OF) from error


def notice(means: Means, payload: Payload, context: Context) -> CustomerEvent:
    """A trigger the Commerce API has no call for, as a generic event. Raises Unmappable."""
    try:
        return CustomerEvent(
            name=NOTICES[means].event,
            customer=_customer(payload, context, needed=payload.text("customerId") is None),
            properties=_properties(payload, context, values.ids(payload), of_order=False),
        )
    except ValidationError as error:
        raise unmappable(error, _FIELD_OF) from error


# --- one builder for each outcome


def _placed(_: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    return (OrderPlaced(**_order(payload, context, complete=True)),)


def _placed_and_since(_: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    fields = _order(payload, context, complete=True)
    found: list[Event] = [OrderPlaced(**fields)]
    if shipment(payload) in ON_ITS_WAY:
        found.append(OrderFulfilled(**fields))
    in_part = refunds.in_part(payload, values.currency(payload, context.source.currency))
    if in_part is not None:
        found.append(OrderRefunded(**fields, refund=in_part))
    return tuple(found)


def _fulfilled(_: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    return (OrderFulfilled(**_order(payload, context)),)


def _cancelled(_: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    return (OrderCancelled(**_order(payload, context)),)


def _refunded(verdict: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    money = values.currency(payload, context.source.currency)
    refund = refunds.refund(payload, verdict.does, money)
    if refund is None:
        return ()
    fields = _order(payload, context, given_back=refund.amount_minor)
    if refund.chargeback:
        fields["properties"] = {"chargeback": True, **fields["properties"]}
    return (OrderRefunded(**fields, refund=refund),)


def _checkout(_: Verdict, payload: Payload, context: Context) -> tuple[Event, ...]:
    zone = context.source.timezone
    fields = _order(payload, context, checkout=True)
    started = fields.pop("ordered_at") or values.moment(payload, "acquisitionDate", zone)
    return (CheckoutStarted(**fields, started_at=started, url=urls.web(payload.text("salesUrl"))),)


_BUILDERS: Final[Mapping[Does, Callable[[Verdict, Payload, Context], tuple[Event, ...]]]] = MappingProxyType(
    {
        Does.PLACED: _placed,
        Does.PLACED_AND_SINCE: _placed_and_since,
        Does.FULFILLED: _fulfilled,
        Does.CANCELLED: _cancelled,
        Does.CHECKOUT: _checkout,
        Does.REFUND: _refunded,
        Does.FULL_REFUND: _refunded,
        Does.PARTIAL_REFUND: _refunded,
        Does.CHARGEBACK: _refunded,
    }
)


# --- what they share


def _order(
    payload: Payload,
    context: Context,
    *,
    complete: bool = False,
    checkout: bool = False,
    given_back: int | None = None,
) -> Fields:
    """The fields of an order event. `complete`: it stands alone, so e-mail and total must be there."""
    who = _customer(payload, context, needed=complete or checkout)
    ids = _ids(payload, context, who, checkout=checkout)
    money = values.currency(payload, context.source.currency)
    total = _total(payload, context, money, complete=complete, checkout=checkout)
    lines = items.read(payload, context.options.product_id, money.code)
    return {
        "order_id": ids.best,
        "names": ids.names,
        "customer": who,
        **priced(money, total, lines, given_back),
        "ordered_at": values.created(payload, context.source.timezone),
        "properties": _properties(payload, context, ids),
    }


def _ids(payload: Payload, context: Context, customer: Customer, *, checkout: bool) -> Ids:
    found = values.ids(payload)
    if found is not None:
        return found
    if not checkout:
        raise missing(payload, "orderId", "an order needs an id: map clientOrderId and orderId")
    return _derived(payload, context, customer)


def _derived(payload: Payload, context: Context, customer: Customer) -> Ids:
    """An id for a checkout that has none, the same whenever it is sent again.

    The vendor's own example of a partial carries no order id (CheckoutChamp wiki, export profiles).
    """
    date = payload.text("dateCreated") or payload.text("acquisitionDate") or ""
    named = "\n".join((context.source.name, (customer.email or "").lower(), date))
    digest = sha256(named.encode()).hexdigest()[:_DIGEST_LENGTH]
    return Ids(f"cc-{digest}", (f"derived:{digest}",), None)


def _customer(payload: Payload, context: Context, *, needed: bool) -> Customer:
    first, last = _names(payload)
    rest = {
        "external_id": _external_id(payload),
        "first_name": first,
        "last_name": last,
        "attributes": collect(context.attributes, _subject(payload, context, None)),
    }
    return customer(payload, "emailAddress", payload.text("emailAddress"), rest, needed=needed)


def _names(payload: Payload) -> tuple[str | None, str | None]:
    first, last = payload.text("firstName"), payload.text("lastName")
    if first is None and last is None:
        first, _, last = (payload.text("fullName") or "").partition(" ")
    return cut(first) or None, cut((last or "").strip()) or None


def _external_id(payload: Payload) -> str | None:
    text = values.own(payload, "customerId")
    return None if text == "0" else fitting_id(text)


def _total(payload: Payload, context: Context, money: Money, *, complete: bool, checkout: bool) -> int | None:
    field = values.total_field(payload, checkout=checkout)
    if field is None:
        if complete:
            raise missing(payload, "totalPrice", "an order needs a total: map totalPrice")
        return None
    try:
        total = amount(payload, field, money) or 0
        with_shipping = field == "totalAmount" and context.options.api_total == "with_shipping"
        return total + ((amount(payload, "baseShipping", money) or 0) if with_shipping else 0)
    except Unmappable as error:
        if complete or values.is_negative(payload.text(field)):
            raise
        payload.warnings.append(f"the total was left out: {error}")
        return None


def _subject(payload: Payload, context: Context, ids: Ids | None) -> Subject:
    return Subject(payload, context.source.timezone, ids.crm if ids else None)


def _properties(
    payload: Payload, context: Context, ids: Ids | None, *, of_order: bool = True
) -> dict[str, Scalar]:
    found = collect(context.properties, _subject(payload, context, ids))
    # A generic event belongs to no order at the destination, so that it has to name it itself.
    return found if of_order or ids is None else {"order": ids.best, **found}
