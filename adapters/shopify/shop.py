"""What all readers of a Shopify webhook share: the money that counts, and what is recent enough to tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from adapters.shopify.options import ShopifyOptions
from relay.normalise import snapshots
from relay.normalise.contract import SourceContext
from relay.normalise.nested import Currency, Nested
from relay.normalise.snapshots import RECENT


class Shop(NamedTuple):
    """How to read one webhook of a source."""

    source: SourceContext
    options: ShopifyOptions
    received_at: datetime

    def moment(self, node: Nested, *names: str) -> datetime | None:
        return next((found for name in names if (found := node.moment(name, self.source.timezone))), None)

    def is_recent(self, moment: datetime | None, within: timedelta = RECENT) -> bool:
        return snapshots.is_recent(moment, self.received_at, within)

    def money(self, node: Nested, name: str) -> tuple[Nested, str]:
        """Where the amount `name` of `node` stands in the money that counts, and under which name.

        Older versions and single-currency shops have only the plain field, which is the shop's money.
        """
        told = node.inner(f"{name}_set").inner(f"{self.options.money}_money")
        return (told, "amount") if told.text("amount") is not None else (node, name)

    def amount(self, node: Nested, name: str, currency: Currency) -> int | None:
        """Raises Unmappable where it is no amount."""
        place, field = self.money(node, name)
        return place.minor(field, currency)
