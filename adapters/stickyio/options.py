"""[sources.NAME.options] of a Sticky.io source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from adapters.stickyio.names import DROPPED, EVENT, PRIVATE, TOKENS
from adapters.stickyio.words import EVENT_WORDS, KINDS, NOTICES, SPELLED, Means, Trigger
from relay.normalise.contract import Meaning
from relay.normalise.fields import plain_key
from relay.normalise.options import MerchantOptions
from relay.normalise.words import meanings

ATTRIBUTES: Final = "campaignId afid affid aid affiliate utmSource utmMedium utmCampaign utmContent utmTerm"
PROPERTIES: Final = (
    "campaignId campaignName rebillDepth ancestorId parentOrderId recurringDate newRecurringDate "
    "retryAttempt wasReprocessed rebillDiscount declineSalvageDiscount declineReason "
    "trackingNumber shippingMethod afid sid affid c1 c2 c3 aid opt clickId affiliate subAffiliate "
    "utmSource utmMedium utmCampaign utmContent utmTerm utmDeviceCategory"
)


class StickyioOptions(MerchantOptions):
    """How one Sticky.io account is to be read. Every default is the careful reading."""

    known: ClassVar[Mapping[str, Means]] = EVENT_WORDS
    private: ClassVar[frozenset[str]] = PRIVATE

    parameters: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)
    """The parameter a token's value comes in, where that is not its name: {email = "customer_email"}."""
    test_orders: bool = False
    """Whether orders by test card pass."""
    product_id: Literal["id", "sku"] = "id"
    """Which product id to send."""
    price: Literal["unit", "line"] = "unit"
    """Whether product_prices_csv holds the price of one, or of all of a line."""
    customer_events: tuple[Trigger, ...] = ()
    """Triggers sent as generic events instead of being ignored."""
    attributes: tuple[str, ...] = tuple(ATTRIBUTES.split())
    properties: tuple[str, ...] = tuple(PROPERTIES.split())
    product_in_stock: bool = True
    """Whether products are told as in stock, which the platform does not know."""
    product_price: bool = False
    """Whether a product webhook's `price` is sent; the vendor documents no such field."""
    deleted_products: Literal["out_of_stock", "ignore"] = "out_of_stock"
    """What a deleted product becomes."""

    def meanings(self) -> tuple[Meaning, ...]:
        """What is said, and what it becomes."""
        deleted = Meaning(("product.deleted",), "")
        if self.deleted_products == "out_of_stock":
            deleted = Meaning(deleted.said, "products.upserted", "out of stock")
        return (
            *meanings((*SPELLED, *self.taught()), KINDS, NOTICES, self.customer_events),
            Meaning(("product.created", "product.updated"), "products.upserted"),
            deleted,
        )

    @field_validator("parameters")
    @classmethod
    def _readable(cls, named: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
        for token, names in named.items():
            if token != EVENT and token not in TOKENS:
                raise ValueError(f"{token!r} is no token this adapter reads")
            for name in (names,) if isinstance(names, str) else names:
                if not plain_key(name) or plain_key(name) in DROPPED:
                    raise ValueError(f"{token} = {name!r}: such a parameter is never read")
        return named
