"""Orders: what a status comes to, and the events out of it.

A payload is the order as it is when it is delivered, not as it was when the topic's event happened, so the
status says all, and each delivery tells what is recent up to it; what was told before is not sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from adapters.woocommerce.options import WooCommerceOptions
from relay.errors import Unmappable, Unsupported
from relay.normalise import money, snapshots, urls
from relay.normalise.contract import Events, Ignored, Meaning, Reading, SourceContext
from relay.normalise.events import (
    CheckoutStarted,
    Customer,
    Event,
    Item,
    OrderCancelled,
    OrderFulfilled,
    OrderPlaced,
    OrderRefunded,
    Refund,
)
from relay.normalise.nested import Currency, Nested
from relay.normalise.payload import fitting_id
from relay.normalise.snapshots import RECENT
from relay.normalise.words import shown

_UTC: Final = ZoneInfo("UTC")
_OPEN: Final = frozenset({"pending", "checkout-draft"})
_BOUGHT: Final = frozenset({"processing", "completed", "cancelled", "refunded"})
_IGNORED: Final = {
    "on-hold": "on hold, not paid yet",
    "failed": "the payment failed",
    "trash": "order moved to the trash, which is no cancellation",
    "draft": "a draft",
    "auto-draft": "a draft",
    "ignore": "ignored by options.statuses",
}
_KNOWN: Final = _OPEN | _BOUGHT | _IGNORED.keys()
_BY_STAFF: Final = frozenset({"admin", "pos", "pos-rest-api"})
# Paid on delivery, or after the order: these have no date of payment, and are orders all the same.
_PAID_LATER: Final = {"wait": frozenset({"cod"}), "placed": frozenset({"cod", "bacs", "cheque"})}


class Shop(NamedTuple):
    """How to read one order of a source."""

    source: SourceContext
    options: WooCommerceOptions
    received_at: datetime

    def moment(self, order: Nested, name: str) -> datetime | None:
        """In GMT, as newer versions also say it, else the site's own time."""
        return order.moment(f"{name}_gmt", _UTC) or order.moment(name, self.source.timezone)

    def is_recent(self, moment: datetime | None, within: timedelta = RECENT) -> bool:
        return snapshots.is_recent(moment, self.received_at, within)


def read(order: Nested, shop: Shop) -> Reading:
    """Raises Unsupported for a status that is not known: it is never a sale."""
    status = _status(order, shop.options)
    if status in _IGNORED:
        return Ignored(_IGNORED[status])
    if not shop.is_recent(shop.moment(order, "date_created"), shop.options.oldest):
        return Ignored("the order is older than options.oldest")
    if status in _OPEN:
        return _checkout(order, shop)
    if order.inner("billing").text("email") is None and order.text("created_via") in _BY_STAFF:
        return Ignored("made by the staff without an e-mail address, so there is nobody to tell")
    if status == "cancelled" and not _was_bought(order, shop.options):
        return Ignored("cancelled before it was paid")
    return _told(status, order, shop)


def meanings(options: WooCommerceOptions) -> tuple[Meaning, ...]:
    """By the order's status, for people. Plugins' statuses stand beside those they are taken for."""
    on_hold = "processing" if options.on_hold == "placed" else "on-hold"
    as_ours: dict[str, list[str]] = {status: [status] for status in (*sorted(_KNOWN), "on-hold")}
    for theirs, ours in {"on-hold": on_hold, **options.statuses}.items():
        as_ours[on_hold if ours == "on-hold" else ours].append(theirs)

    def said(*statuses: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for status in statuses for word in as_ours[status]))

    unpaid: Meaning = Meaning(said(*sorted(_OPEN)), "", "not paid yet")
    if options.checkouts:
        unpaid = Meaning(unpaid.said, "checkout.started", "with an address")
    return (
        unpaid,
        Meaning(said("processing", "completed"), "order.placed"),
        Meaning(said("completed"), "order.fulfilled"),
        Meaning(said("cancelled"), "order.cancelled", "if it was paid"),
        Meaning(said(*sorted(_BOUGHT)), "order.refunded", "whenever money was given back"),
        *(
            Meaning(words, "", why)
            for status, why in _IGNORED.items()
            if (words := tuple(w for w in said(status) if w != "ignore" and w not in said("processing")))
        ),
    )


def _status(order: Nested, options: WooCommerceOptions) -> str:
    said = order.needed("status").removeprefix("wc-")
    status: str = options.statuses.get(said, said)
    if status == "on-hold" and options.on_hold == "placed":
        return "processing"
    if status not in _KNOWN:
        raise Unsupported(
            f"the order status {shown(said)} is not WooCommerce's own: say in options.statuses which of "
            'those it stands for, or "ignore"',
            field="status",
        )
    return status


def _told(status: str, order: Nested, shop: Shop) -> Reading:
    warnings: list[str] = []
    fields = _fields(order, shop, warnings)
    found: list[Event] = []
    paid = shop.moment(order, "date_paid") or fields["ordered_at"]
    completed = shop.moment(order, "date_completed") or shop.moment(order, "date_modified")
    if status in ("processing", "completed") and shop.is_recent(paid):
        found.append(order.made(OrderPlaced, **fields))
    if status == "completed" and shop.is_recent(completed):
        found.append(order.made(OrderFulfilled, **fields))
    if status == "cancelled":
        found.append(order.made(OrderCancelled, **fields))
    refund = _refund(order, fields["currency"], full=status == "refunded")
    if refund is not None:
        found.append(order.made(OrderRefunded, **fields, refund=refund))
    if not found:
        return Ignored("nothing new: it was paid, and completed, more than 72 h ago")
    return Events(tuple(found), tuple(warnings))


def _was_bought(order: Nested, options: WooCommerceOptions) -> bool:
    """Unpaid orders are cancelled by themselves after an hour; nobody is to hear that they bought nothing."""
    paid = order.text("date_paid_gmt", "date_paid")
    return paid is not None or order.text("payment_method") in _PAID_LATER[options.on_hold]


def _refund(order: Nested, code: str, *, full: bool) -> Refund | None:
    """All that was given back so far."""
    amounts = [_amount_of(refund, code) for refund in order.members("refunds")]
    if amounts:
        return order.made(Refund, basis="cumulative", amount_minor=sum(amounts))
    return Refund(basis="full") if full else None


def _amount_of(refund: Nested, code: str) -> int:
    """Refunds are written as what they take away: "-9.90"."""
    text = refund.needed("total").removeprefix("-")
    try:
        return money.minor(text, code)
    except ValueError as error:
        raise Unmappable(refund.named("total"), "is not an amount such as -9.90") from error


def _checkout(order: Nested, shop: Shop) -> Reading:
    if not shop.options.checkouts:
        return Ignored("not paid yet")
    if order.inner("billing").text("email") is None:
        return Ignored("not paid yet, and no e-mail address yet")
    warnings: list[str] = []
    fields = _fields(order, shop, warnings)
    fields["started_at"] = fields.pop("ordered_at")
    event = order.made(CheckoutStarted, **fields, url=urls.web(order.text("payment_url")))
    return Events((event,), tuple(warnings))


# --- what all of them say


def _fields(order: Nested, shop: Shop, warnings: list[str]) -> dict[str, Any]:
    currency = order.currency("currency", shop.source.currency)
    if currency.code is None:
        raise Unmappable(currency.field, "is missing: set `currency` in the settings of this source")
    total = order.minor("total", currency)
    if total is None:
        raise Unmappable(order.named("total"), "is missing")
    name, number = order.needed("id"), order.text("number")
    names = [f"order:{name}"] + ([f"number:{number}"] if number and number != name else [])
    return {
        "order_id": name,
        "order_number": number if number != name else None,
        "names": tuple(names),
        "customer": _customer(order),
        "currency": currency.code,
        "currency_assumed": currency.assumed,
        "total_minor": total,
        "ordered_at": shop.moment(order, "date_created"),
        "items": _items(order, currency, warnings),
        "properties": _properties(order, shop.options),
    }


def _customer(order: Nested) -> Customer:
    billing = order.inner("billing")
    account = order.text("customer_id")
    return billing.made(
        Customer,
        email=billing.needed("email"),
        external_id=None if account == "0" else account,
        first_name=billing.label("first_name"),
        last_name=billing.label("last_name"),
    )


def _items(order: Nested, currency: Currency, warnings: list[str]) -> tuple[Item, ...]:
    found = []
    for line in order.members("line_items"):
        product, variation = _id(line, "product_id"), _id(line, "variation_id")
        name = line.label("name")
        if product is None or name is None:
            warnings.append(f"{line.named('product_id')}: a line without a product was left out")
            continue
        if line.text("quantity") == "0":
            continue
        quantity = line.units("quantity", warnings)
        found.append(
            line.made(
                Item,
                product_id=product,
                title=line.label("parent_name") or name,
                variant_title=name if line.label("parent_name") not in (None, name) else None,
                variant_id=variation,
                sku=fitting_id(line.text("sku")),
                quantity=quantity,
                price_minor=_unit_price(order, line, currency, quantity, warnings),
            )
        )
    return tuple(found)


def _id(line: Nested, name: str) -> str | None:
    text = line.text(name)
    return None if text == "0" else text


def _unit_price(
    order: Nested, line: Nested, currency: Currency, quantity: int, warnings: list[str]
) -> int | None:
    """As the shop shows prices: with tax where they are entered with it."""
    total = line.price("total", currency, warnings)
    if total is None:
        return None
    tax = line.price("total_tax", currency, warnings) if order.flag("prices_include_tax") else None
    return money.unit_price(total + (tax or 0), quantity)


def _properties(order: Nested, options: WooCommerceOptions) -> dict[str, str]:
    coupons = [code for line in order.members("coupon_lines") if (code := line.label("code"))]
    found = {
        "paymentMethod": order.label("payment_method_title"),
        "coupons": ", ".join(coupons) or None,
        "createdVia": order.label("created_via"),
    }
    by_key = {entry.text("key"): entry.label("value") for entry in order.members("meta_data")}
    found |= {name: by_key.get(key) for name, key in options.properties.items()}
    return {name: value for name, value in found.items() if value is not None}
