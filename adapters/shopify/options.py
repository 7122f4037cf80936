"""[sources.NAME.options] of a Shopify source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from relay.normalise.contract import Meaning
from relay.normalise.snapshots import OLDEST, Age


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
    oldest: Age = OLDEST
    """What changes an older order is not told."""
    storefront: Annotated[str, Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$")] | None = None
    """Where products are shown, as `https://shop.example`; their address is /products/HANDLE below it."""

    def when_placed(self) -> str:
        """In words, which orders are told as placed."""
        early = {"authorized": self.authorized, "still to be paid": self.pending}
        return " or ".join(["once paid", *(state for state, does in early.items() if does == "placed")])

    def first_shipment(self) -> tuple[Meaning, ...]:
        """What becomes of the first of several."""
        said, note = ("orders/partially_fulfilled",), "the first of several shipments"
        match self.partly_fulfilled:
            case "wait":
                return (Meaning(said, "", f"{note}: the last is told"),)
            case "fulfilled":
                return (Meaning(said, "order.fulfilled", note),)
            case "event":
                return (Meaning(said, "customer.event", "order.partially_fulfilled"),)
