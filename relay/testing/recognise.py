"""What in a postback is somebody's, and what is surely nobody's; all between may be either."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from relay.normalise import money, times
from relay.normalise.fields import is_macro, names_of, plain_key
from relay.normalise.scrub import DROPPED

# Parts of plain keys.
_PERSONAL: Final = re.compile(
    r"mail|phone|mobile|telefon|fax|firstname|lastname|fullname|surname|givenname|familyname|middlename"
    r"|nickname|^[fl]name$|^name$|username|customername|cardholder|accountholder|address|street|city|town"
    r"|zip|postal|postcode|province|latitude|longitude|^lat$|^lng$|^lon$|geo|ipaddr|^ip|ip$|useragent|browser"
    r"|birth|^dob|gender|ssn|taxid|vatnumber|company|note|comment|message|memo|instruction|attention"
    r"|recipient|contact"
)
_MONEY: Final = re.compile(
    r"price|total|amount|tax|discount|fee|cents|minor|balance|quantity|qty|(?<!ac)count|cost"
    r"|(shipping|paid|refund|refunded)$"  # shippingTel, paidBy and refundTo are a person's
)
_CURRENCY: Final = re.compile(r"cur|money|ccy")
_NAMES_IT: Final = re.compile(r"(id|no|nr|number|code|ref|reference)$")
_SAYS_WHAT: Final = re.compile(
    r"event|hook|status|type|topic|action|trigger|kind|currency|method|state|result|reason|mode|source|carrier"
)
_WORDS: Final = names_of("""
    abandoned accepted active added all api approved authorised authorization authorized available
    awaiting back billing bought buy cancel canceled cancellation cancelled cancels capture captured
    card cart charge chargeback charged charges checkout checkouts closed cod collected complete
    completed confirmed create created credit creditcard credited customer debit decline declined delete
    deleted delivered despatched dispatched dispute disputed error exchange exchanged expired failed
    failure false fraud fulfilled fulfillment fulfillments fulfilment full fully gift hold in intent
    inventory invoice item items label lead level line live money new no none of on once one open order
    orders original out paid partial partially partly pause paused payment payments paypal pending
    physical pickup ping placed pre preorder processed processing product products prospect purchase
    purchased qa reactivated reactivation rebill received recurring refund refunded refunds rejected
    released removed renew renewal renewed reserved restocked resumed return returned returns rma sale
    sales sent settled ship shipment shipped shipping shop signup soldout start started stock stopped
    store subscription subscriptions succeeded success successful test time transit trial true
    unavailable unfulfilled unpaid unshipped update updated upsale upsell user void voided webhook
    webhooks yes
""")
_WORD: Final = re.compile(r"[^\W\d_]+")
_WORD_OR_NUMBER: Final = re.compile(r"[^\W\d_]+|\d+")
_FEW: Final = r"[-+]?\d{1,3}|\d{1,9}\.\d{1,3}"
_NOBODYS: Final = re.compile(rf"(?:{_FEW})?(?:[,;|] ?(?:{_FEW})?)*|0+|\d{{1,2}}:\d\d(:\d\d)?")
_MOMENT: Final = re.compile(r"time|date|stamp|created|updated|at$")
_EPOCH: Final = re.compile(r"\d{10}(\d{3})?")
_EVENT: Final = re.compile(r"[A-Za-z]+([._/:-][A-Za-z]+){1,4}")  # order.paid, orders/create, ORDER_PAID
_DATE_WORDS: Final = names_of("""
    jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september
    october november december mon tue wed thu fri sat sun am pm t z utc gmt est edt pst pdt cst cdt
""")
_NEAR: Final = timedelta(days=730)
_DIGITS_OF_A_YEAR: Final = 4
_MOST_WORDS: Final = 6
_LONGEST_AMOUNT: Final = 12


def is_somebodys(key: str, value: str) -> bool:
    """Whether a person is called or reached by `value`, by the name of its field or by its own form."""
    return _PERSONAL.search(plain_key(key)) is not None or "@" in value


def is_nobodys(key: str, value: str, received_at: datetime) -> bool:
    """Whether `value` of `key` is surely nobody's: an amount, a date of now, a word of commerce."""
    key = plain_key(key)
    text = value.strip()
    if text in ("", DROPPED) or is_macro(text) or times.is_unset(text):
        return True
    if _PERSONAL.search(key):
        return False
    if _NOBODYS.fullmatch(text) or (_MONEY.search(key) and _is_amount(key, text)):
        return True
    if _CURRENCY.search(key) and text.upper() in money.EXPONENTS:
        return True
    if (_SAYS_WHAT.search(key) or _EVENT.fullmatch(text)) and _is_of_commerce(text):
        return True
    return _is_of_now(key, text, received_at)


def _is_of_commerce(text: str) -> bool:
    words = _WORD.findall(text.lower())
    return 0 < len(words) <= _MOST_WORDS and _WORDS.issuperset(words) and not re.search(r"\d{3}", text)


def _is_of_now(key: str, text: str, received_at: datetime) -> bool:
    """A date of about when it came, in whatever form: it is nobody's birthday."""
    if _EPOCH.fullmatch(text):
        moment = times.from_ms(int(f"{text:0<13}"))
        return _MOMENT.search(key) is not None and abs(moment - received_at) < _NEAR
    years, rest = [], _WORD_OR_NUMBER.findall(text.lower())
    for part in rest[:]:
        if part.isdecimal() and len(part) == _DIGITS_OF_A_YEAR:
            years.append(int(part))
            rest.remove(part)
    small = [part for part in rest if part.isdecimal()]
    return (
        len(years) == 1
        and abs(years[0] - received_at.year) <= 1
        and len(small) >= 1
        and all(len(part) <= 2 for part in small[:5])  # noqa: PLR2004 - day, month and time
        and _DATE_WORDS.issuperset(part for part in rest if not part.isdecimal())
    )


def _is_amount(key: str, text: str) -> bool:
    try:
        money.amount(text)
    except ValueError:
        return False
    return not _NAMES_IT.search(key) and len(text) <= _LONGEST_AMOUNT
