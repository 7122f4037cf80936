"""Sticky.io's tokens, the parameters their values come in, and what is never read, stored or sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from relay.normalise.fields import names_of, plain_key
from relay.normalise.payload import Keys
from relay.normalise.scrub import SENSITIVE

EVENT: Final = "event"
"""The static parameter that says what the profile is for; not a token of the platform."""

TOKENS: Final = names_of("""
    order_id parent_order_id ancestor_id customer_id prospect_id campaign_id campaign_name campaign_desc
    subscription_id_csv subscription_active_csv
    order_status post_back_action is_test_cc is_recurring rebill_depth retry_attempt was_reprocessed
    ischargeback is_fraud is_gift is_shippable decline_reason
    cb_service_type cb_service_source cb_service_outcome
    order_total total_no_shipping shipping_total taxable_amount non_taxable_amount sales_tax_percent
    tax_factor currency_code void_refund_amount rebill_discount decline_salvage_discount
    product_id_csv product_names_csv product_prices_csv product_qtys_csv product_skus_csv
    order_date_time order_date recurring_date new_recurring_date
    email first_name last_name
    shipping_id shipping_method shipping_group_name trackingnumber payment_method
    prepaid_cycles current_prepaid_cycle prepaid_match
    afid sid affid c1 c2 c3 aid opt click_id affiliate sub_affiliate
    utm_source utm_medium utm_campaign utm_content utm_term utm_device_category
""")

DROPPED: Final = SENSITIVE | names_of("""
    key keyphrase ccfirst6 cclast4 ccexpires ccexpiration cctype cccvv cvvcode
    digitaldeliveryusername digitaldeliverypassword
""")
"""Plain keys whose values are never stored: card, sign-in, and what a merchant adds to a URL as a secret."""

PRIVATE: Final = DROPPED | names_of("""
    transactionid authorizationid gatewayid
    billingaddress billingaddress2 billingcity billingzip billingcountry billingstateid billingstatedesc
    shippingaddress shippingaddress2 shippingcity shippingzip shippingcountry shippingstateid
    shippingstatedesc
""")
"""What may be stored, but is never sent."""


def keys(parameters: Mapping[str, str | tuple[str, ...]]) -> Keys:
    """The look-up table of one source. A token that was given parameters of its own is read from no other:
    its usual one may hold something else.
    """
    own = {token: (name,) if isinstance(name, str) else name for token, name in parameters.items()}
    return {token: tuple(plain_key(name) for name in own.get(token, (token,))) for token in (EVENT, *TOKENS)}
