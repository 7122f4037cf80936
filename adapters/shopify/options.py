"""[sources.NAME.options] of a Shopify source."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from relay.normalise import times


def _age(value: Any) -> Any:
    return times.duration(value) if isinstance(value, str) else value


Age = Annotated[timedelta, BeforeValidator(_age), Field(gt=timedelta(0))]


class ShopifyOptions(BaseModel):
    """How one shop is to be read. Every default is the careful reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    money: Literal["shop", "presentment"] = "shop"
    """Amounts in the shop's currency, or in the one the customer paid in."""
    authorized: Literal["placed", "wait"] = "placed"
    """Orders whose payment is authorised and captured later: at once, or when they are paid."""
    pending: Literal["wait", "placed"] = "wait"
    """Orders paid on delivery or by bank transfer: when they are paid, or at once."""
    partly_fulfilled: Literal["wait", "fulfilled", "event"] = "wait"
    """The first of several shipments: nothing until all is on its way, `fulfilled`, or an event of its own.
    """
    test_orders: bool = False
    """Whether test orders pass."""
    oldest: Age = timedelta(days=90)
    """What changes an older order is not told: shops edit, import and tidy up old orders by the thousand."""
    storefront: Annotated[str, Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$")] | None = None
    """Where products are shown, as `https://shop.example`; their address is /products/HANDLE below it."""
