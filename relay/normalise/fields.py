"""Reading what platforms send: JSON, forms and query strings, as one tree of plain values.

Numbers with a point are `Decimal`, so no amount passes through a float. Values outside JSON are text.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, NoReturn, TypeAlias
from urllib.parse import parse_qsl

from relay.errors import Malformed
from relay.normalise.contract import Postback

Value: TypeAlias = "bool | int | Decimal | str | list[Value] | dict[str, Value] | None"
Fields: TypeAlias = dict[str, Value]
Encoding: TypeAlias = Literal["utf-8", "windows-1252"]
"""Of URLs and forms, as an operator may set it."""

MAX_DEPTH: Final = 32
MAX_FIELDS: Final = 5_000
MAX_DIGITS: Final = 40
UTF_8: Final = "utf-8"
# [firstName] as CheckoutChamp and {first_name} as Sticky.io write it, the latter also left in percent signs.
_MACRO: Final = re.compile(r"\[([A-Za-z0-9_]+)\]|\{([A-Za-z0-9_.-]+)\}|%7[Bb]([A-Za-z0-9_.-]+)%7[Dd]")
_BYTE: Final = re.compile(r"[\x80-\xff]")
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")


@lru_cache(maxsize=8192)
def plain_key(key: str) -> str:
    """`key` as merchants mean it: lower case, letters and digits only. "Order_ID" and "orderId" are one."""
    return "".join(c for c in key.lower() if c.isalnum())


def names_of(text: str) -> frozenset[str]:
    """The words of `text`: a table of plain keys, as it is best read."""
    return frozenset(text.split())


def read(postback: Postback) -> Fields:
    """The query's fields, and over them the body's.

    Raises Malformed: not UTF-8, broken or too deep JSON, NaN, a top level that is no object.
    """
    return {**of_query(postback), **of_body(postback)}


def sides(postback: Postback, encoding: Encoding) -> tuple[Fields, Fields]:
    """The query's fields and the body's, where `encoding` is an option of the source. Raises Malformed."""
    try:
        return of_query(postback, encoding), of_body(postback, encoding)
    except Malformed as error:
        if isinstance(error.__cause__, UnicodeDecodeError):
            raise Malformed(f"{error.reason}: set options.encoding to what the account writes") from error
        raise


def of_query(postback: Postback, encoding: str = UTF_8) -> Fields:
    """Raises Malformed where it is not in `encoding`."""
    # Bytes that came without percent signs were handed over as Latin-1, one character each.
    query = _BYTE.sub(lambda byte: f"%{ord(byte[0]):02X}", postback.query)
    return from_form(query, encoding) if query else {}


def of_body(postback: Postback, encoding: str = UTF_8) -> Fields:
    """Raises Malformed. JSON is UTF-8, whatever `encoding` forms are in."""
    body = postback.body
    if not body.strip():
        return {}
    kind = postback.headers.get("content-type", "").lower()
    if _is_json(body, kind):
        return from_json(_utf_8(body))
    if "multipart/" in kind:
        raise Malformed("multipart bodies are not read; send JSON or application/x-www-form-urlencoded")
    if b"=" not in body:
        raise Malformed("the body is neither JSON nor a form")
    return from_form(decoded(body, encoding), encoding)


def _is_json(body: bytes, kind: str) -> bool:
    """Forms arrive under any content type, and so does JSON: curl -d calls everything a form."""
    start = body.removeprefix(BOM_UTF8).lstrip()[:1]
    if start in (b"{", b'"') or (start == b"[" and "form" not in kind):
        return True
    return "json" in kind and b"=" not in body


def decoded(body: bytes, encoding: str = UTF_8) -> str:
    """Raises Malformed where `body` is not in `encoding`."""
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not {encoding.upper()} (byte {error.start})") from error


def _utf_8(body: bytes) -> str:
    """Without the cause by which `sides` advises an option, since none changes what JSON is in."""
    try:
        return decoded(body)
    except Malformed as error:
        raise Malformed(f"{error.reason}, as JSON must be; only a form may be in another encoding") from None


def from_json(text: str) -> Fields:
    """Raises Malformed for anything but one JSON object."""
    try:
        value = _decoder.decode(text.removeprefix("\ufeff").strip())
        if text.count("{") + text.count("[") > MAX_DEPTH:  # else it cannot be deeper
            _check_depth(value)
    except RecursionError as error:
        raise Malformed("the JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise Malformed(
            f"the body is not JSON: {error.msg.lower()} (line {error.lineno}, column {error.colno})"
        ) from error
    except ValueError as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, dict):
        raise Malformed(f"the body is a JSON {_NAMES[type(value)]}, not an object")
    return value


def from_form(text: str, encoding: str = UTF_8) -> Fields:
    """`a=1&b[0][c]=2`, PHP's bracket keys as nested objects. Of a repeated key the last non-empty wins."""
    try:
        pairs = parse_qsl(
            text.strip(),
            keep_blank_values=True,
            encoding=encoding,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"the form is not {encoding.upper()}") from error
    except ValueError as error:
        raise Malformed(f"the form has more than {MAX_FIELDS} fields") from error
    fields: Fields = {}
    for key, value in pairs:
        _place(fields, key, value)
    return fields


def _place(fields: Fields, key: str, value: str) -> None:
    head, bracket, _ = key.partition("[")
    if not bracket or not head:
        if value or key not in fields:
            fields[key] = value
        return
    path = [head, *_BRACKET.findall(key)]
    if len(path) > MAX_DEPTH:
        raise Malformed("a form key is nested too deeply")
    node = fields
    for step in path[:-1]:
        child = node.get(step)
        if not isinstance(child, dict):
            child = {}
            node[step] = child
        node = child
    last = path[-1] or str(len(node))
    if value or last not in node:
        node[last] = value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the JSON holds {name}, which is no number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"the JSON holds a number of {len(digits)} digits")
    return int(digits)


def _exact(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"the JSON holds a number of {len(digits)} digits")
    number = Decimal(digits)
    if abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("the JSON holds a number too large or too small to be one")
    return number


_decoder: Final = json.JSONDecoder(parse_float=_exact, parse_int=_whole, parse_constant=_refuse_constant)
_NAMES: Final = {
    list: "array",
    str: "string",
    int: "number",
    Decimal: "number",
    bool: "boolean",
    type(None): "null",
}


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise Malformed(f"the JSON is nested more than {MAX_DEPTH} levels deep")


def said(value: Value) -> str | None:
    """`value` as text, or None where it says nothing: null, blank, a nested value, an unreplaced macro."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    return text if text and not is_macro(text) else None


def is_macro(text: str) -> bool:
    """Whether `text` is a placeholder the platform did not replace: [firstName], {first_name}."""
    return macro_name(text) is not None


def macro_name(text: str) -> str | None:
    """What stands in a placeholder, None where `text` is none."""
    found = _MACRO.fullmatch(text) if text[:1] in ("[", "{", "%") else None
    return found and (found[1] or found[2] or found[3])
