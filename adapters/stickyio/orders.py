"""Orders as the API shows them (order_view): all that has become of one, at once.

They are read as the postbacks they would have been, by the tokens of the same meaning.
"""

from __future__ import annotations

from typing import Final

from adapters.stickyio.building import Context, build
from adapters.stickyio.mapping import Does, Verdict
from adapters.stickyio.payloads import Reader
from adapters.stickyio.state import State, flag
from adapters.stickyio.words import NO, YES
from relay.errors import Unsupported
from relay.normalise.contract import Events, Ignored, Reading
from relay.normalise.fields import Fields
from relay.normalise.payload import Payload, text_of

_TOKEN_OF: Final = {
    "email_address": "email",
    "parent_id": "parent_order_id",
    "billing_cycle": "rebill_depth",
    "time_stamp": "order_date_time",
    "tracking_number": "trackingnumber",
    "shipping_method_name": "shipping_method",
    "is_chargeback": "ischargeback",
    "amount_refunded_to_date": "void_refund_amount",
}
_SAME: Final = (
    "order_id ancestor_id customer_id campaign_id order_status order_total first_name last_name "
    "recurring_date retry_attempt decline_reason is_test_cc "
    "afid sid affid c1 c2 c3 aid opt click_id affiliate sub_affiliate"
)
_UTM: Final = ("source", "medium", "campaign", "content", "term", "device_category")
_SHIPPED: Final = "8"


def outcome(found: Fields, reader: Reader, context: Context) -> Reading:
    """`found` holds an order under "order_view", and perhaps the currency of its campaign. Raises
    Unsupported and Unmappable.
    """
    row = found["order_view"]
    if not isinstance(row, dict):
        raise Unsupported("order_view is no object")
    payload = reader.of(_tokens(row) | {"currency_code": found.get("currency_code")})
    products = row.get("products")
    if isinstance(products, list):
        payload.plain["products"] = products
    if not context.options.test_orders and flag(payload, "is_test_cc"):
        return Ignored("test order")
    told = _told(payload, row)
    if isinstance(told, Ignored):
        return told
    return Events(tuple(build(Verdict(does), payload, context) for does in told), payload.told())


def _tokens(row: Fields) -> Fields:
    tokens = {token: row.get(field) for field, token in _TOKEN_OF.items()}
    utm = row.get("utm_info")
    if isinstance(utm, dict):  # one reader has utm_source there, another source
        tokens |= {f"utm_{name}": utm.get(f"utm_{name}") or utm.get(name) for name in _UTM}
    return tokens | {name: row.get(name) for name in _SAME.split()}


def _told(payload: Payload, row: Fields) -> tuple[Does, ...] | Ignored:
    state = State(payload)
    voided, refunded = _is(row, "is_void"), _is(row, "is_refund")
    match state.order:
        case "declined":
            return Ignored("declined")
        case "pending":
            return Ignored("not paid yet")
        case "ended" | "approved" if voided:
            return (Does.CANCELLED,)
        case "ended":
            return (Does.REFUND if state.given_back_some else Does.FULL_REFUND,)
        case "approved" if state.charged_back:
            return (Does.CHARGEBACK,)
        case "approved":
            return _lived(state, payload, refunded=refunded or state.given_back_some)
    raise Unsupported("is no status of an order that is known", field="order_status")


def _lived(state: State, payload: Payload, *, refunded: bool) -> tuple[Does, ...]:
    """What is given back in full is told as no sale."""
    if refunded and not state.given_back_in_part:
        return (Does.REFUND,)
    shipped = payload.text("order_status") == _SHIPPED or state.is_tracked
    wanted = ((Does.PLACED, True), (Does.FULFILLED, shipped), (Does.REFUND, refunded))
    return tuple(does for does, is_so in wanted if is_so)


def _is(row: Fields, name: str) -> bool:
    value = row.get(name)
    text = str(int(value)) if isinstance(value, bool) else (text_of(value) or "no").lower()
    if text not in YES | NO:
        raise Unsupported("is neither yes nor no", field=name)
    return text in YES
