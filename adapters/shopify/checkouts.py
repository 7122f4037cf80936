"""Checkouts: told once they say who, while nothing was bought."""

from __future__ import annotations

from adapters.shopify.orders import items
from adapters.shopify.shop import Shop
from relay.normalise import urls
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.events import CheckoutStarted, Customer
from relay.normalise.nested import Currency, Nested


def read(checkout: Nested, shop: Shop) -> Reading:
    if checkout.text("completed_at") is not None:
        return Ignored("the checkout was completed; its order is told")
    who = checkout.inner("customer")
    email = checkout.text("email") or who.text("email")
    if email is None:
        return Ignored("no e-mail address yet")
    warnings: list[str] = []
    currency = _currency(checkout, shop, warnings)
    total = shop.amount(checkout, "total_price", currency) if currency.code else None
    lines = items(checkout, currency, shop, warnings)
    token = checkout.needed("token")
    customer = checkout.made(
        Customer,
        email=email,
        external_id=who.text("id"),
        first_name=who.label("first_name"),
        last_name=who.label("last_name"),
    )
    event = checkout.made(
        CheckoutStarted,
        order_id=token,
        names=(f"checkout:{token}",),
        customer=customer,
        currency=currency.code,
        currency_assumed=currency.assumed and currency.code is not None,
        total_minor=total,
        items=lines,
        started_at=shop.moment(checkout, "created_at"),
        url=urls.web(checkout.text("abandoned_checkout_url")),
    )
    return Events((event,), tuple(warnings))


def _currency(checkout: Nested, shop: Shop, warnings: list[str]) -> Currency:
    """Where two currencies are named, nothing says which one the amounts are in: they are left out."""
    currency = checkout.currency("currency", shop.source.currency)
    shown = checkout.text("presentment_currency")
    if shown is None or currency.code is None or shown.upper() == currency.code:
        return currency
    warnings.append("amounts are left out: a checkout in two currencies does not say which one they are in")
    return Currency(None, assumed=False, field=currency.field)
