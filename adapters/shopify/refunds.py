"""Refunds: each is a step with an id of its own, whether it comes alone or within its order."""

from __future__ import annotations

from typing import Final

from adapters.shopify.shop import Shop
from relay.errors import Unmappable
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.events import OrderRefunded, Refund
from relay.normalise.nested import Currency, Nested

_SETS: Final = {
    "refund_line_items": "subtotal_set",
    "refund_shipping_lines": "subtotal_amount_set",
    "order_adjustments": "amount_set",
}


def read(refund: Nested, shop: Shop) -> Reading:
    """A refund alone says which order and how much; the order book knows the rest."""
    if _is_test(refund) and not shop.options.test_orders:
        return Ignored("refund of a test order")
    order = refund.needed("order_id")
    step = _step(refund, _currency(refund, shop), shop)
    if step is None:
        return Ignored("nothing was given back, or not yet")
    event = refund.made(OrderRefunded, order_id=order, names=(f"order:{order}",), refund=step)
    return Events((event,))


def steps(order: Nested, code: str, shop: Shop) -> list[Refund]:
    """The order's refunds; none where the last is long ago, and was told then."""
    refunds = order.members("refunds")
    if not any(shop.is_recent(shop.moment(refund, "processed_at", "created_at")) for refund in refunds):
        return []
    currency = Currency(code, assumed=False, field="currency")
    return [step for refund in refunds if (step := _step(refund, currency, shop))]


def _step(refund: Nested, currency: Currency, shop: Shop) -> Refund | None:
    """What was really given back: a transaction may still be pending, or fail."""
    given = [
        _amount(transaction, currency, shop)
        for transaction in refund.members("transactions")
        if transaction.text("kind") == "refund" and transaction.text("status") == "success"
    ]
    if not sum(given):
        return None
    return refund.made(Refund, basis="step", amount_minor=sum(given), id=refund.needed("id"))


def _amount(transaction: Nested, currency: Currency, shop: Shop) -> int:
    place, name = shop.money(transaction, "amount")
    said = place.currency(
        "currency_code" if name == "amount" and place is not transaction else "currency", None
    )
    known = Currency(currency.code or said.code or shop.source.currency, assumed=False, field=said.field)
    if said.code is not None and said.code != known.code:
        other = "presentment" if shop.options.money == "shop" else "shop"
        raise Unmappable(
            transaction.named("amount"),
            f"is in {said.code}, and the order is told in {known.code}; set options.money = {other!r}",
        )
    amount = place.minor(name, known)
    if amount is None:
        raise Unmappable(transaction.named("amount"), "is missing")
    return amount


def _currency(refund: Nested, shop: Shop) -> Currency:
    """What the order is told in, as far as a refund alone shows it. A transaction is in the customer's."""
    lines = [line.inner(said) for name, said in _SETS.items() for line in refund.members(name)]
    for told in (*lines, refund.inner("total_duties_set")):
        money = told.inner(f"{shop.options.money}_money")
        if money.text("currency_code"):
            return money.currency("currency_code", None)
    return Currency(None, assumed=False, field=refund.named("transactions"))


def _is_test(refund: Nested) -> bool:
    return any(transaction.flag("test") for transaction in refund.members("transactions"))
