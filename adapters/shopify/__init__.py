"""The adapter for Shopify: webhooks of orders, refunds, checkouts and products, in JSON."""

from __future__ import annotations

import re
from typing import ClassVar, Final

from pydantic import BaseModel

from adapters.shopify import checkouts, orders, products, refunds
from adapters.shopify.options import ShopifyOptions
from adapters.shopify.shop import Shop
from relay.errors import Unsupported
from relay.normalise import fields
from relay.normalise.contract import Events, Ignored, Meaning, Postback, Reading, Signing, SourceContext
from relay.normalise.fields import names_of
from relay.normalise.nested import Nested
from relay.normalise.payload import fitting_id, text_of

__all__ = ["Shopify", "ShopifyOptions"]

_ORDERS: Final = frozenset(
    f"orders/{what}"
    for what in ("create", "paid", "updated", "fulfilled", "partially_fulfilled", "cancelled")
)
_IGNORED: Final = {
    "orders/delete": "order deleted, which is no cancellation",
    "orders/edited": "orders/updated tells the order as it was edited",
    "products/delete": "product deleted; nothing is deleted at the destination",
    "checkouts/delete": "a checkout was deleted",
    "fulfillments/create": "orders/fulfilled tells when all of the order is on its way",
    "fulfillments/update": "orders/fulfilled tells when all of the order is on its way",
    "customers/create": "customers are told with their orders",
    "customers/update": "customers are told with their orders",
    "carts/create": "a cart says no customer",
    "carts/update": "a cart says no customer",
}
_TOPIC: Final = re.compile(r"[a-z_]{1,40}/[a-z_]{1,40}")
_PRIVACY: Final = {
    "customers/redact": "run `relay forget` with the customer's address",
    "customers/data_request": 'look with `relay relays "email:ADDRESS"`, and tell the customer what is kept',
    "shop/redact": "run `relay forget` with the address of each of its customers",
}


class Shopify:
    name: ClassVar[str] = "shopify"
    Options: ClassVar[type[BaseModel]] = ShopifyOptions
    dropped: ClassVar[frozenset[str]] = names_of("""
        creditcardnumber creditcardbin creditcardname creditcardwallet creditcardexpirationmonth
        creditcardexpirationyear paymentdetails receipt authorization cardnumber cvv cvc iban bic
        accountnumber routingnumber password accesstoken secret orderstatusurl
    """)
    signing: ClassVar[Signing] = Signing(header="x-shopify-hmac-sha256", encoding="base64")
    topic_header: ClassVar[str] = "x-shopify-topic"
    can_correct: ClassVar[bool] = False
    """It tries again for hours and then removes the subscription; nobody reads the answer."""

    def __init__(self, source: SourceContext, options: ShopifyOptions) -> None:
        self._source = source
        self._options = options

    def meanings(self) -> tuple[Meaning, ...]:
        any_of_them = tuple(sorted(_ORDERS))
        return (
            Meaning(("checkouts/create", "checkouts/update"), "checkout.started"),
            Meaning(any_of_them, "order.placed", self._options.when_placed()),
            Meaning(any_of_them, "order.fulfilled", "once all is on its way"),
            *self._options.first_shipment(),
            Meaning(any_of_them, "order.cancelled", "once it is"),
            Meaning((*any_of_them, "refunds/create"), "order.refunded", "for each refund"),
            Meaning(("products/create", "products/update"), "products.upserted"),
            *(Meaning((topic,), "", why) for topic, why in _IGNORED.items()),
        )

    def read(self, postback: Postback) -> Reading:
        reading = self._read(postback)
        # Not the event's id: one event has several deliveries, and each may show the order further on.
        delivery_id = fitting_id(text_of(postback.headers.get("x-shopify-webhook-id")))
        if isinstance(reading, Ignored):
            return Ignored(reading.reason, delivery_id)
        return Events(reading.events, reading.warnings, delivery_id)

    def _read(self, postback: Postback) -> Reading:
        body = Nested(fields.of_body(postback))
        topic = _topic(postback)
        if not body and topic not in _PRIVACY:
            return Ignored("ping: the request carries nothing")
        if postback.headers.get("x-shopify-test") == "true" and not self._options.test_orders:
            return Ignored("test notification")  # of a sample, which few bodies tell
        shop = Shop(self._source, self._options, postback.received_at)
        if topic in _ORDERS:
            return orders.read(body, topic, shop)
        if topic == "refunds/create":
            return refunds.read(body, shop)
        if topic in ("checkouts/create", "checkouts/update"):
            return checkouts.read(body, shop)
        if topic in ("products/create", "products/update"):
            return products.read(body, shop)
        if topic in _IGNORED:
            return Ignored(_IGNORED[topic])
        raise _unsupported(topic)


def _topic(postback: Postback) -> str | None:
    header = text_of(postback.headers.get("x-shopify-topic"))
    return header or text_of(fields.of_query(postback).get("event"))


def _unsupported(topic: str | None) -> Unsupported:
    if topic is None:
        trouble = (
            "nothing says what happened: a proxy seems to drop the header X-Shopify-Topic; let it pass, or "
            "add ?event=orders/paid to the URL"
        )
    elif topic in _PRIVACY:
        trouble = f"{topic} is for a person to do: {_PRIVACY[topic]}; then discard this"
    else:
        known = _TOPIC.fullmatch(topic)
        trouble = f"the topic {topic if known else 'it names'} is not read; subscribe to those of the guide"
    return Unsupported(trouble, field="x-shopify-topic")
