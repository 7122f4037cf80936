"""The adapter for WooCommerce: its webhooks of orders and products, API version v1 to v3."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import BaseModel

from adapters.woocommerce import orders, products
from adapters.woocommerce.options import WooCommerceOptions
from relay.errors import Unsupported
from relay.normalise import fields
from relay.normalise.contract import Ignored, Meaning, Postback, Reading, Signing, SourceContext
from relay.normalise.fields import names_of
from relay.normalise.nested import Nested
from relay.normalise.payload import text_of
from relay.normalise.words import shown

__all__ = ["WooCommerce", "WooCommerceOptions"]

_CREATED_OR_CHANGED: Final = ("created", "updated", "restored")
_IGNORED: Final = {
    "order.deleted": "order moved to the trash, which is no cancellation",
    "product.deleted": "product deleted; nothing is deleted at the destination",
}
_NOT_TOLD: Final = {
    "coupon": "coupons are not told",
    "customer": "customers are told with their orders",
    "subscription": "a subscription; its orders come by themselves",
}


class WooCommerce:
    name: ClassVar[str] = "woocommerce"
    Options: ClassVar[type[BaseModel]] = WooCommerceOptions
    dropped: ClassVar[frozenset[str]] = names_of("""
        orderkey cardnumber cardcvc cvc cvv iban bic accountnumber routingnumber password token secret
    """)
    signing: ClassVar[Signing] = Signing(
        header="x-wc-webhook-signature",
        encoding="base64",
        ping=r"webhook_id=\d{1,20}",  # when a webhook is saved; it has to be answered 200
    )
    topic_header: ClassVar[str] = "x-wc-webhook-topic"
    can_correct: ClassVar[bool] = False
    """It disables a webhook after five refusals, and sends nothing twice."""

    def __init__(self, source: SourceContext, options: WooCommerceOptions) -> None:
        self._source = source
        self._options = options

    def meanings(self) -> tuple[Meaning, ...]:
        changed = tuple(f"product.{event}" for event in _CREATED_OR_CHANGED)
        return (
            *orders.meanings(self._options),
            Meaning(changed, "products.upserted"),
            *(Meaning((topic,), "", why) for topic, why in _IGNORED.items()),
            *(Meaning((f"{resource}.*",), "", why) for resource, why in _NOT_TOLD.items()),
        )

    def read(self, postback: Postback) -> Reading:
        body = Nested(fields.of_body(postback))
        if not body or (body.text("webhook_id") and not body.text("id")):
            return Ignored("ping: the request carries nothing")
        topic = _topic(postback, body)
        resource, _, event = topic.partition(".")
        if topic in _IGNORED:
            return Ignored(_IGNORED[topic])
        if resource in _NOT_TOLD:
            return Ignored(_NOT_TOLD[resource])
        if body.text("code") and not body.has("id"):
            return _instead(body)
        if resource == "order" and event in _CREATED_OR_CHANGED:
            return orders.read(body, orders.Shop(self._source, self._options, postback.received_at))
        if resource == "product" and event in _CREATED_OR_CHANGED:
            return products.read(body, self._source)
        raise Unsupported(
            f"the topic {shown(topic)} is not read; make webhooks of Order created, Order updated, "
            "Product created and Product updated",
            field="x-wc-webhook-topic",
        )


def _instead(error: Nested) -> Ignored:
    """What its API answered, where the webhook could not read the order or product it is to show."""
    if error.inner("data").text("status") == "404":
        return Ignored("it was deleted before its webhook was sent")
    raise Unsupported(
        f"WooCommerce sent the error {shown(error.needed('code'))} instead: the user of the webhook may be "
        "gone, or see no orders. Make the webhook anew as an administrator; each copy of this stands for "
        "another that did not come",
        field="code",
    )


def _topic(postback: Postback, body: Nested) -> str:
    """The header's, else that of `?event=` in the URL, else what the fields show beyond doubt.

    The delivery id of the headers is not used: it is a hash of webhook and second, so that two orders of one
    second share it.
    """
    said = text_of(postback.headers.get("x-wc-webhook-topic")) or text_of(
        fields.of_query(postback).get("event")
    )
    if said is not None:
        return said
    if body.text("status") and body.members("line_items"):
        return "order.updated"
    if body.text("stock_status"):
        return "product.updated"
    raise Unsupported(
        "nothing says what happened: a proxy seems to drop the header X-WC-Webhook-Topic; let it pass, or "
        "add ?event=order.updated to the delivery URL",
        field="x-wc-webhook-topic",
    )
