"""Webhook Services: the catalog's changes, where they come in clear.

The platform encrypts them, and says nowhere how (which mode, which vector, which key); such a body is told
from a broken one and refused with what to do about it.
"""

from __future__ import annotations

import base64
import binascii
import re
from codecs import BOM_UTF8
from dataclasses import dataclass
from typing import Final

from adapters.stickyio.options import StickyioOptions
from relay.errors import Malformed, Unmappable
from relay.normalise import fields, money, urls
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.events import Product, ProductsUpserted
from relay.normalise.fields import Fields, Value
from relay.normalise.payload import fitting_id, text_of
from relay.normalise.words import shown

_ENCRYPTED: Final = (
    "the body is encrypted, as Webhook Services send it, and the vendor documents no way to read it: ask "
    "Sticky.io's support to switch the service to clear, or to switch it off and use polling for the catalog"
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]{60,}={0,2}")
_BLOCK: Final = 16
_TEST_KEYS: Final = frozenset({"message", "reference", "url"})
_LONGEST_TITLE: Final = 500
_LONGEST_DESCRIPTION: Final = 5000


@dataclass(frozen=True, slots=True)
class Webhook:
    """`type` is "" for the test event, which has none. `id` is the platform's own of this event."""

    type: str
    id: str | None
    object: Fields


def read(postback: Postback) -> Webhook | None:
    """None where the request is no webhook but a postback. Raises Malformed."""
    body = postback.body.removeprefix(BOM_UTF8).strip()
    if _is_encrypted(body):
        raise Malformed(_ENCRYPTED)
    if body[:1] == b'"':
        return _in_string(fields.decoded(body))
    return _envelope(fields.from_json(fields.decoded(body))) if body[:1] == b"{" else None


def _in_string(text: str) -> Webhook | None:
    """The service's payload is JSON text, so that it may come as a JSON string of it."""
    inner = fields.from_json(f'{{"it":{text}}}').get("it")
    if not isinstance(inner, str):
        return None
    if _is_encrypted(_bytes(inner)):
        raise Malformed(_ENCRYPTED)
    return _envelope(fields.from_json(inner))


def _bytes(text: str) -> bytes:
    return text.strip().encode("utf-8", "replace")


def _is_encrypted(body: bytes) -> bool:
    """Base64 of whole blocks, with or without OpenSSL's head; no form and no JSON looks like it."""
    if not _BASE64.fullmatch(body):
        return False
    try:
        size = len(base64.b64decode(b"".join(body.split()), validate=True))
    except binascii.Error:
        return False
    return size % _BLOCK == 0


def _envelope(tree: Fields) -> Webhook | None:
    kind, data = tree.get("type"), tree.get("data")
    if isinstance(kind, str) and isinstance(data, dict):
        inner = data.get("object")
        return Webhook(kind, fitting_id(text_of(data.get("id"))), inner if isinstance(inner, dict) else {})
    lone = list(tree.values())
    if len(lone) == 1 and isinstance(lone[0], str) and _is_encrypted(_bytes(lone[0])):
        raise Malformed(_ENCRYPTED)
    keys = {key.lower() for key in tree}
    return Webhook("", None, {}) if "message" in keys and keys <= _TEST_KEYS else None


def outcome(webhook: Webhook, source: SourceContext, options: StickyioOptions) -> Reading:
    """Products become upserts; every other type is acknowledged and ignored. Raises Unmappable."""
    if webhook.type in ("product.created", "product.updated"):
        entry, warnings = _product(webhook.object, source, options)
        return Events((ProductsUpserted(products=(entry,)),), warnings, webhook.id)
    if webhook.type == "product.deleted":
        return _deleted(webhook, options)
    what = f"webhook {shown(webhook.type)}" if webhook.type else "test event of a webhook"
    return Ignored(f"{what}: nothing to send", webhook.id)


def _deleted(webhook: Webhook, options: StickyioOptions) -> Reading:
    if options.deleted_products == "ignore":
        return Ignored("product deleted", webhook.id)
    entry = Product(**_named(webhook.object, options), inStock=False)
    return Events((ProductsUpserted(products=(entry,)),), (), webhook.id)


def _product(
    found: Fields, source: SourceContext, options: StickyioOptions
) -> tuple[Product, tuple[str, ...]]:
    charged, warnings = _price(found, source) if options.product_price else ({}, ())
    said = {"description": _description(found), "imageUrl": _image(found.get("images"))}
    more = {name: value for name, value in said.items() if value is not None}
    entry = Product(
        **_named(found, options),
        inStock=options.product_in_stock,
        **more,
        **charged,
    )
    return entry, warnings


def _named(found: Fields, options: StickyioOptions) -> dict[str, str]:
    wanted = ("sku", "id") if options.product_id == "sku" else ("id",)
    product_id = next((text for field in wanted if (text := fitting_id(text_of(found.get(field))))), None)
    if product_id is None:
        raise Unmappable("data.object.id", "is missing: a product needs an id")
    title = text_of(found.get("name"))
    if title is None:
        raise Unmappable("data.object.name", "is missing: a product needs a title")
    return {"productId": product_id, "title": title[:_LONGEST_TITLE].strip()}


def _description(found: Fields) -> str | None:
    text = text_of(found.get("description"))
    return text if text is not None and len(text) <= _LONGEST_DESCRIPTION else None


def _image(images: Value) -> str | None:
    """The default image, else the first."""
    there = [image for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    there.sort(key=lambda image: image.get("is_default") not in (1, True, "1"))
    paths = [text_of(image.get("path")) for image in there]
    return next(filter(None, map(urls.web, paths)), None)


def _price(found: Fields, source: SourceContext) -> tuple[dict[str, str | int], tuple[str, ...]]:
    text = text_of(found.get("price"))
    if text is None or source.currency is None:
        return {}, ()
    try:
        charged = money.minor(text, source.currency)
    except ValueError:
        return {}, ("the product's price is not an amount and was left out",)
    return ({"priceCents": charged, "currency": source.currency}, ()) if charged >= 0 else ({}, ())
