"""[sources.NAME.options] of a WooCommerce source."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from relay.normalise import bodies
from relay.normalise.snapshots import OLDEST, Age

Status = Literal["pending", "on-hold", "processing", "completed", "cancelled", "refunded", "failed", "ignore"]


class WooCommerceOptions(BaseModel):
    """How one shop is to be read. Every default is the careful reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on_hold: Literal["wait", "placed"] = "wait"
    """Orders that wait for a bank transfer or a cheque: not before they are paid, or at once."""
    checkouts: bool = False
    """Whether unpaid orders with an address (`pending`, `checkout-draft`) are told as started checkouts."""
    statuses: dict[str, Status] = {}
    """Statuses of plugins, each as one of WooCommerce's own: { "shipped" = "completed" }, or "ignore"."""
    oldest: Age = OLDEST
    """What changes an older order is not told."""
    properties: dict[str, str] = {}
    """More properties of an order, each from the key of its meta data."""

    @field_validator("properties")
    @classmethod
    def _hide_nothing(cls, properties: dict[str, str]) -> dict[str, str]:
        for name in bodies.BUILT_IN.intersection(properties):
            raise ValueError(f"a property called {name} would hide the event's own")
        return properties
