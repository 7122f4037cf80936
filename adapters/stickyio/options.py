"""[sources.NAME.options] of a Sticky.io source."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from adapters.stickyio.names import DROPPED, EVENT, PRIVATE, TOKENS
from adapters.stickyio.words import EVENT_WORDS, Trigger
from relay.normalise.beside import attributes_that_may_leave, properties_that_may_leave
from relay.normalise.fields import plain_key
from relay.normalise.words import plain

ATTRIBUTES: Final = "campaignId afid affid aid affiliate utmSource utmMedium utmCampaign utmContent utmTerm"
PROPERTIES: Final = (
    "campaignId campaignName rebillDepth ancestorId parentOrderId recurringDate newRecurringDate "
    "retryAttempt wasReprocessed rebillDiscount declineSalvageDiscount declineReason "
    "trackingNumber shippingMethod afid sid affid c1 c2 c3 aid opt clickId affiliate subAffiliate "
    "utmSource utmMedium utmCampaign utmContent utmTerm utmDeviceCategory"
)


class StickyioOptions(BaseModel):
    """How one Sticky.io account is to be read. Every default is the careful reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_event: str | None = None
    """What happened where no word says it: for a profile on one trigger whose URL says no event."""
    words: dict[str, str] = {}
    """More words of `event=` or post_back_action, each as one of those known: {"Order Stop" = "cancel"}."""
    parameters: dict[str, str | tuple[str, ...]] = {}
    """The parameter a token's value comes in, where that is not its name: {email = "customer_email"}."""
    encoding: Literal["utf-8", "windows-1252"] = "utf-8"
    """Of URLs and forms."""
    test_orders: bool = False
    """Whether orders by test card pass."""
    product_id: Literal["id", "sku"] = "id"
    """Which product id to send."""
    price: Literal["unit", "line"] = "unit"
    """Whether product_prices_csv holds the price of one, or of all of a line."""
    customer_events: tuple[Trigger, ...] = ()
    """Triggers sent as generic events instead of being ignored."""
    attributes: tuple[str, ...] = tuple(ATTRIBUTES.split())
    """Tokens merged into the customer's profile."""
    properties: tuple[str, ...] = tuple(PROPERTIES.split())
    """Tokens sent beside an order."""
    product_in_stock: bool = True
    """What a product webhook says of the stock, which the platform does not know."""
    product_price: bool = False
    """Whether a product webhook's `price` is sent; the vendor documents no such field."""
    deleted_products: Literal["out_of_stock", "ignore"] = "out_of_stock"
    """What a deleted product becomes."""

    @field_validator("default_event")
    @classmethod
    def _known_event(cls, word: str | None) -> str | None:
        return word if word is None else _known(word)

    @field_validator("words")
    @classmethod
    def _known_words(cls, words: dict[str, str]) -> dict[str, str]:
        for word, meaning in words.items():
            if not plain(word):
                raise ValueError("a word to teach is empty")
            _known(meaning)
        return words

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

    @field_validator("attributes")
    @classmethod
    def _attributes_may_leave(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return attributes_that_may_leave(names, PRIVATE)

    @field_validator("properties")
    @classmethod
    def _properties_may_leave(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return properties_that_may_leave(names, PRIVATE)


def _known(word: str) -> str:
    if plain(word) not in EVENT_WORDS:
        raise ValueError(f"{word!r} is no known event; write for example approved, shipped or refund")
    return word
