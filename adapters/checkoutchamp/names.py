"""Names on the wire: what each field is seen under, and what is never read, stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from relay.normalise.fields import names_of, plain_key
from relay.normalise.payload import Keys
from relay.normalise.scrub import SENSITIVE

# Canonical name -> the plain keys it is seen under, the canonical one first (it beats its aliases).
SEEN: Final[dict[str, str]] = {
    "event": "event eventtype trigger type",
    "customerType": "customertype",
    "clientOrderId": "clientorderid ordernumber",
    "orderId": "orderid",
    "looseOrderId": "oid id",  # often an affiliate's or a form's own: an order's only where nothing else is
    "actualOrderId": "actualorderid",
    "originalOrderId": "originalorderid",
    "originalClientOrderId": "originalclientorderid",
    "orderStatus": "orderstatus status",
    "responseType": "responsetype",
    "fulfillmentStatus": "fulfillmentstatus fulfilmentstatus",
    "recurringStatus": "recurringstatus",
    "billingCycleNumber": "billingcyclenumber",
    "emailAddress": "emailaddress email customeremail",
    "firstName": "firstname fname",
    "lastName": "lastname lname",
    "fullName": "fullname name",
    "customerId": "customerid",
    "dateCreated": "datecreated orderdate createdat date",
    "timeCreated": "timecreated",
    "acquisitionDate": "acquisitiondate",
    "dateRefunded": "daterefunded",
    "nextBillDate": "nextbilldate",
    "chargebackDate": "chargebackdate",
    "totalAmount": "totalamount",
    "totalPrice": "totalprice",
    "orderTotal": "ordertotal total amount",
    "baseShipping": "baseshipping",
    "totalDiscount": "totaldiscount",
    "refundRemaining": "refundremaining totalrefundremaining",
    "totalRefunded": "totalrefunded refundedtotal cumulativerefund",
    "chargebackAmount": "chargebackamount",
    "chargebackReasonCode": "chargebackreasoncode",
    "currencyCode": "currencycode currency",
    "currencySymbol": "currencysymbol",
    "campaignId": "campaignid campaignnumber",
    "trackingNumber": "trackingnumber tracking",
    "shipCarrier": "shipcarrier carrier",
    "shipMethod": "shipmethod",
    "salesUrl": "salesurl",
    "cardType": "cardtype",
    "paySource": "paysource",
}


def keys(export_names: Mapping[str, str]) -> Keys:
    """The look-up table of one source: its own export names before the aliases."""
    own = {field: (plain_key(name),) for field, name in export_names.items()}
    return {field: own.get(field, ()) + tuple(seen.split()) for field, seen in SEEN.items()}


PRIVATE: Final = SENSITIVE | names_of("""
    achaccountnumber achroutingnumber achaccounttype achaccountholder ddiban ddbic
    relaysecret webhooksecret loginid
""")
"""Plain keys whose values are never sent: card, bank, sign-in."""

LAST_FOUR: Final = ("cardlast4", "last4")
DROPPED: Final = PRIVATE.difference(LAST_FOUR)
"""Plain keys whose values are never stored. Four digits of a card are: zeros mark a test in a replay too."""
