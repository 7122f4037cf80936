"""Webhook Services: the catalog's changes, where they come in clear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.stickyio import products
from adapters.stickyio.options import StickyioOptions
from relay.normalise.contract import Events, Ignored, Reading, SourceContext
from relay.normalise.events import ProductsUpserted
from relay.normalise.fields import Fields
from relay.normalise.payload import fitting_id, text_of
from relay.normalise.words import shown

_TEST_KEYS: Final = frozenset({"message", "reference", "url"})


@dataclass(frozen=True, slots=True)
class Webhook:
    """`type` is "" for the test event, which has none. `id` is the platform's own of this event."""

    type: str
    id: str | None
    object: Fields


def envelope(tree: Fields) -> Webhook | None:
    """None where `tree` is no webhook."""
    kind, data = tree.get("type"), tree.get("data")
    if isinstance(kind, str) and isinstance(data, dict):
        inner = data.get("object")
        return Webhook(kind, fitting_id(text_of(data.get("id"))), inner if isinstance(inner, dict) else {})
    keys = {key.lower() for key in tree}
    return Webhook("", None, {}) if "message" in keys and keys <= _TEST_KEYS else None


def outcome(webhook: Webhook, source: SourceContext, options: StickyioOptions) -> Reading:
    """Products become upserts; every other type is acknowledged and ignored. Raises Unmappable."""
    if webhook.type in ("product.created", "product.updated"):
        entry = products.product(webhook.object, source, options, priced=options.product_price)
    elif webhook.type == "product.deleted" and options.deleted_products == "out_of_stock":
        entry = products.deleted(webhook.object, options)
    else:
        what = f"webhook {shown(webhook.type)}" if webhook.type else "test event of a webhook"
        return Ignored(f"{what}: nothing to send", webhook.id)
    return Events((ProductsUpserted(products=(entry,)),), (), webhook.id)
