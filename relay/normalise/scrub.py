"""Dropping what must never be stored: tokens, card and bank values. All around them stays as received."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from relay.normalise.contract import Postback
from relay.normalise.fields import names_of, plain_key

DROPPED: Final = "[dropped]"
SENSITIVE: Final = names_of("""
    cardnumber cardno ccnumber creditcardnumber cardsecuritycode securitycode cvv cvv2 cvc cardcvv cardcvc
    cardlast4 cardlastfour last4 cardbin cardexpirydate cardexpiry cardexpiration cardexpirationdate
    cardexpmonth cardexpyear cardmonth cardyear expmonth expyear cardtoken cardholdername
    iban bic bankaccount bankaccountnumber bankaccountno bankroutingnumber accountnumber routingnumber
    token accesstoken apitoken authtoken apikey secret password signature authorization
""")
"""Plain keys that mean the same on every platform, and that no adapter has stored: card, bank, sign-in."""

_SECRET_HEADER: Final = re.compile(r"authorization|cookie|token|secret|signature|hmac|api-?key|password")
_JSON_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*:\s*)?', re.DOTALL)
_LITERAL: Final = re.compile(r"[^\s,}\]]+")
_KEY: Final = re.compile(r'"([^"\\]{1,64}+)\\?"\s*:')
_ASCII_ESCAPE: Final = re.compile(r"\\u00[2-7]|\\/")
_MARK: Final = "\ufeff"
"""Of the byte order, in front of a body."""

_DIGITS: Final = re.compile(r"\d(?:[ -]?\d){12,18}(?!\d)", re.ASCII)


def scrub(
    postback: Postback,
    names: frozenset[str],
    *,
    secrets: tuple[str, ...] = (),
    headers: frozenset[str] = frozenset(),
    readable: bool = True,
) -> Postback:
    """`postback` without the values of fields named in `names` (plain keys) and without any of `secrets`.

    Of headers those go whose names tell that they hold a secret, and those named in `headers`.
    Where the body is not `readable` by names, any run of 13 to 19 digits that passes the Luhn check goes too.
    """
    kept = {
        name: DROPPED if name in headers or _SECRET_HEADER.search(name) else _without(value, secrets)
        for name, value in postback.headers.items()
    }
    query = _without(_form(postback.query, names), secrets)
    body = _body(postback.body, names, readable=readable)
    return replace(postback, headers=kept, query=query, body=_without_bytes(body, secrets))


def _body(body: bytes, names: frozenset[str], *, readable: bool) -> bytes:
    if not body:
        return body
    try:
        text, encoding = body.decode(), "utf-8"
    except UnicodeDecodeError:  # a form in another encoding, whose names are ASCII all the same
        text, encoding = body.decode("latin-1"), "latin-1"
    clean = _text(text, names, readable=readable)
    if not readable and encoding == "latin-1":
        clean = _luhn(clean)
    return body if clean is text else clean.encode(encoding)


def _text(text: str, names: frozenset[str], *, readable: bool) -> str:
    if text.startswith(_MARK):
        bare = text.lstrip(_MARK)
        return text[: -len(bare) or None] + _text(bare, names, readable=readable)
    try:
        if text.lstrip()[:1] in ("{", "["):
            return _json(text, names, readable=readable)
    except (ValueError, RecursionError):  # cut or broken: names cannot be trusted to stand where they should
        return _luhn(text)
    clean = _form(text, names)
    return clean if readable and "=" in text else _luhn(clean)


def _without_bytes(body: bytes, secrets: tuple[str, ...]) -> bytes:
    for secret in secrets:
        for form in _written(secret):
            if form.encode() in body:
                body = body.replace(form.encode(), DROPPED.encode())
    return body


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        for form in _written(secret):
            text = text.replace(form, DROPPED)
    return text


@lru_cache(maxsize=256)
def _written(secret: str) -> frozenset[str]:
    """As it stands in a URL, in a form, in JSON."""
    return frozenset({secret, quote_plus(secret), json.dumps(secret)[1:-1]})


def _names_any(text: str, names: frozenset[str]) -> bool:
    """Whether a key of `text`, or of JSON within its strings, may be one of `names`. Never wrongly False."""
    if _ASCII_ESCAPE.search(text):  # a key may hide behind an escape such as \u0063 or \/
        return True
    return not names.isdisjoint(map(plain_key, _KEY.findall(text)))


def _json(text: str, names: frozenset[str], *, readable: bool = False) -> str:
    """`text` itself where it names nothing to drop. Raises ValueError where it is not JSON."""
    if not readable:
        json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    if not _names_any(text, names):  # a look that is cheap, since most bodies name nothing
        return text
    return "".join(_json_parts(text, names))


def _json_parts(text: str, names: frozenset[str]) -> Iterator[str]:
    done = 0
    position = 0
    while (found := _JSON_STRING.search(text, position)) is not None:
        position = found.end()
        inner, colon = found.groups()
        if colon is None:
            if inner.lstrip()[:1] in ("{", "["):  # JSON text inside a string
                yield text[done : found.start()]
                yield json.dumps(_nested(json.loads(f'"{inner}"', strict=False), names))
                done = position
        elif plain_key(json.loads(f'"{inner}"', strict=False) if "\\" in inner else inner) in names:
            end = _value_end(text, position)
            yield text[done:position]
            yield f'"{DROPPED}"'
            done = position = end
    yield text[done:]


def _nested(text: str, names: frozenset[str]) -> str:
    try:
        return _json(text, names)
    except (ValueError, RecursionError):
        return _luhn(text)


def _value_end(text: str, start: int) -> int:
    if text[start] in '{["':
        return _raw.raw_decode(text, start)[1]
    literal = _LITERAL.match(text, start)
    return literal.end() if literal else start


_raw: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


def _form(text: str, names: frozenset[str]) -> str:
    if not text:
        return text
    return "&".join(_pair(pair, names) for pair in text.split("&"))


def _pair(pair: str, names: frozenset[str]) -> str:
    key, equals, value = pair.partition("=")
    if not equals:
        return pair
    steps = unquote_plus(key).replace("]", "").split("[")
    if any(plain_key(step) in names for step in steps):
        return f"{key}={DROPPED}"
    if value[:1] in ("{", "[") or value[:3].upper() in ("%7B", "%5B"):
        plain = unquote_plus(value)
        clean = _nested(plain, names)
        return pair if clean == plain else f"{key}={quote_plus(clean)}"
    return pair


def _luhn(text: str) -> str:
    return _DIGITS.sub(lambda run: DROPPED if _is_card(run[0]) else run[0], text)


def _is_card(run: str) -> bool:
    digits = [int(c) for c in run if c.isdigit()]
    doubled = [d if i % 2 == 0 else sum(divmod(d * 2, 10)) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0
