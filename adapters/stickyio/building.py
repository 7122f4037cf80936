"""Events out of a payload, once it is clear what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError

from adapters.stickyio import items, values
from adapters.stickyio.mapping import Does, Verdict
from adapters.stickyio.options import StickyioOptions
from adapters.stickyio.properties import Subject
from adapters.stickyio.state import has_id
from adapters.stickyio.words import NOTICES, Means
from relay.normalise import amounts
from relay.normalise.amounts import Money, amount
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
    Refund,
)
from relay.normalise.payload import Payload, cut, fitting_id

_HOW_MUCH: Final = (
    "the postback does not say how much was given back: tick the token void_refund_amount in the profile"
)
# Which token a value of ours comes from, for an error the merchant can act on.
_TOKEN_OF: Final = {
    "customer": "email",
    "currency": "currency_code",
    "total_minor": "order_total",
    "ordered_at": "order_date_time",
    "refund": "void_refund_amount",
    "items": "product_id_csv",
}


@dataclass(frozen=True, slots=True)
class Context:
    """One source as this adapter needs it, made once."""

    source: SourceContext
    options: StickyioOptions
    attributes: Plan[Subject]
    properties: Plan[Subject]


def build(verdict: Verdict, payload: Payload, context: Context) -> Event:
    """Raises Unmappable."""
    try:
        return _BUILDERS[verdict.does](verdict, payload, context)
    except ValidationError as error:
        raise unmappable(error, _TOKEN_OF) from error


def notice(means: Means, payload: Payload, context: Context) -> CustomerEvent:
    """A trigger the Commerce API has no call for, as a generic event. Raises Unmappable."""
    # A generic event belongs to no order at the destination, so that it has to name it itself.
    order = {"order": values.identifier(payload, "order_id")} if has_id(payload, "order_id") else {}
    try:
        return CustomerEvent(
            name=NOTICES[means].event,
            customer=_customer(payload, context, needed=not has_id(payload, "customer_id")),
            properties={**order, **collect(context.properties, _subject(payload, context))},
        )
    except ValidationError as error:
        raise unmappable(error, _TOKEN_OF) from error


# --- one builder for each outcome


def _placed(_: Verdict, payload: Payload, context: Context) -> Event:
    return OrderPlaced(**_order(payload, context, alone=True))


def _fulfilled(_: Verdict, payload: Payload, context: Context) -> Event:
    return OrderFulfilled(**_order(payload, context))


def _cancelled(_: Verdict, payload: Payload, context: Context) -> Event:
    return OrderCancelled(**_order(payload, context))


def _refunded(verdict: Verdict, payload: Payload, context: Context) -> Event:
    refund = Refund(basis="full")
    if verdict.does == Does.REFUND:
        refund = _so_far(payload, _money(payload, context))
    return OrderRefunded(**_order(payload, context, refund=refund), refund=refund)


def _so_far(payload: Payload, money: Money) -> Refund:
    """The sum of all refunds of the order: the platform has no amount of one refund alone.

    A sum that is not said a person can add, so that it is told so.
    """
    given = amount(payload, "void_refund_amount", money)
    if not given:
        payload.warnings.append(payload.explained(_HOW_MUCH))
        return Refund(basis="cumulative")
    total = values.total(payload, money, needed=False)
    whole = total and abs(total - given) <= 1  # a cent is lost to rounding where tax was taken apart
    return Refund(basis="cumulative", amount_minor=total if whole else given)


def _charged_back(_: Verdict, payload: Payload, context: Context) -> Event:
    fields = _order(payload, context)
    fields["properties"] = {"chargeback": True, "reason": "chargeback", **fields["properties"]}
    return OrderRefunded(**fields, refund=Refund(basis="full", chargeback=True))


def _checkout(_: Verdict, payload: Payload, context: Context) -> Event:
    """A prospect has neither products nor amounts, and its ids are no order ids."""
    prospect = values.identifier(payload, "prospect_id")
    return CheckoutStarted(
        order_id=prospect,
        names=(f"prospect:{prospect}",),
        customer=_customer(payload, context, needed=True),
        properties=collect(context.properties, _subject(payload, context)),
    )


_BUILDERS: Final[Mapping[Does, Callable[[Verdict, Payload, Context], Event]]] = MappingProxyType(
    {
        Does.PLACED: _placed,
        Does.FULFILLED: _fulfilled,
        Does.CANCELLED: _cancelled,
        Does.REFUND: _refunded,
        Does.FULL_REFUND: _refunded,
        Does.CHARGEBACK: _charged_back,
        Does.CHECKOUT: _checkout,
    }
)


# --- what they share


def _order(
    payload: Payload, context: Context, *, alone: bool = False, refund: Refund | None = None
) -> dict[str, Any]:
    """The fields of an order event. `alone`: no other completes it, so e-mail and total must be there."""
    order_id = values.identifier(payload, "order_id")
    money = _money(payload, context)
    total = values.total(payload, money, needed=alone)
    lines = items.read(payload, context.options, money.code)
    given = refund.amount_minor if refund else None
    return {
        "order_id": order_id,
        "names": (f"order:{order_id}",),
        "customer": _customer(payload, context, needed=alone),
        **priced(money, total, lines, given),
        "ordered_at": values.ordered_at(payload, context.source.timezone),
        "properties": collect(context.properties, _subject(payload, context)),
    }


def _money(payload: Payload, context: Context) -> Money:
    return amounts.currency(payload, "currency_code", context.source.currency)


def _customer(payload: Payload, context: Context, *, needed: bool) -> Customer:
    rest = {
        "external_id": fitting_id(payload.text("customer_id")) if has_id(payload, "customer_id") else None,
        "first_name": cut(payload.text("first_name")),
        "last_name": cut(payload.text("last_name")),
        "attributes": collect(context.attributes, _subject(payload, context)),
    }
    return customer(payload, "email", values.email(payload), rest, needed=needed)


def _subject(payload: Payload, context: Context) -> Subject:
    return Subject(payload, context.source.timezone)
