"""[sources.NAME.options] of a CheckoutChamp source, and the names that must never leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from adapters.checkoutchamp.names import PRIVATE, SEEN
from adapters.checkoutchamp.words import EVENT_WORDS, KINDS, NOTICES, SPELLED, Means
from relay.normalise.contract import Meaning
from relay.normalise.events import Kind
from relay.normalise.fields import names_of, plain_key
from relay.normalise.options import MerchantOptions
from relay.normalise.words import meanings

_PRIVATE: Final = PRIVATE | names_of("""
    transactionid actualtransactionid parenttxnid clienttxnid merchanttxnid gatewaytitle gatewayid
    merchantid merchantdescriptor midnumber avsresponse cvvresponse
    shipfullname shipfirstname shiplastname shipaddress1 shipaddress2 shipcity shipstate
    shipcountry shippostalcode shipzip shipphone shipphonenumber shipcompany
""")
PROPERTIES: Final = (
    "crmOrderId campaignId campaignName affId subAffId sourceId "
    "sourceValue1 sourceValue2 sourceValue3 sourceValue4 sourceValue5 couponCode totalDiscount "
    "billingCycleNumber originalOrderId clientPurchaseId nextBillDate trackingNumber carrier shipMethod "
    "refundReason dateRefunded chargebackReasonCode chargebackDate "
    "custom1 custom2 custom3 custom4 custom5 UTMSource UTMMedium UTMCampaign UTMTerm UTMContent"
)

Trigger = Literal[
    "declined",
    "rebill_declined",
    "recycle_failed",
    "subscription_started",
    "subscription_paused",
    "subscription_reactivated",
    "subscription_cancelled",
    "pre_billing",
    "return_authorised",
    "return_received",
    "cod_pending",
    "customer_updated",
]


class CheckoutChampOptions(MerchantOptions):
    """How one CheckoutChamp account is to be read. Every default is the careful reading."""

    known: ClassVar[Mapping[str, Means]] = EVENT_WORDS
    private: ClassVar[frozenset[str]] = _PRIVATE

    fields: dict[str, str] = Field(default_factory=dict)
    """Export names this account gave to fields, where no alias fits: {emailAddress = "kunde"}."""
    pending: Literal["placed", "wait"] = "placed"
    """PENDING with success (quality assurance): an order, or not before its capture."""
    test_orders: bool = False
    """Whether test orders pass."""
    product_id: Literal["base", "campaign", "client", "sku"] = "base"
    """Which product id to send; must be the choice made for the catalog."""
    api_total: Literal["total_amount", "with_shipping"] = "total_amount"
    """Whether totalAmount of an API-shaped body lacks baseShipping, as it seems to on some accounts."""
    customer_events: tuple[Trigger, ...] = ()
    """Triggers sent as generic events instead of being ignored."""
    attributes: tuple[str, ...] = ("campaignId",)
    properties: tuple[str, ...] = tuple(PROPERTIES.split())

    def meanings(self) -> tuple[Meaning, ...]:
        """What is said, and what it becomes."""
        places = self.pending == "placed"
        kinds: dict[Means, tuple[Kind | Literal[""], str]] = {
            **KINDS,
            Means.QA_PENDING: ("order.placed", "") if places else ("", "waits for the capture"),
        }
        told = meanings((*SPELLED, *self.taught()), kinds, NOTICES, self.customer_events)
        return (*told, Meaning(("products of the catalog",), "products.upserted"))

    @field_validator("fields")
    @classmethod
    def _readable(cls, names: dict[str, str]) -> dict[str, str]:
        for field, export_name in names.items():
            if field not in SEEN:
                raise ValueError(f"{field!r} is no field this adapter reads")
            if not plain_key(export_name) or plain_key(export_name) in PRIVATE:
                raise ValueError(f"{field} = {export_name!r}: such a field is never read")
        return names
