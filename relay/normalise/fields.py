"""Reading what platforms send: JSON, forms and query strings, as one tree of plain values.

Numbers with a point are `Decimal`, so no amount passes through a float. Values outside JSON are text.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeAlias
from urllib.parse import parse_qsl

from relay.errors import Malformed
from relay.normalise.contract import Postback

Value: TypeAlias = "bool | int | Decimal | str | list[Value] | dict[str, Value] | None"
Fields: TypeAlias = dict[str, Value]

MAX_DEPTH: Final = 32
MAX_FIELDS: Final = 5_000
MAX_DIGITS: Final = 40
_MACRO: Final = re.compile(r"\[[A-Za-z0-9_]+\]")
_BRACKET: Final = re.compile(r"\[([^\[\]]*)\]")


@lru_cache(maxsize=8192)
def plain_key(key: str) -> str:
    """`key` as merchants mean it: lower case, letters and digits only. "Order_ID" and "orderId" are one."""
    return "".join(c for c in key.lower() if c.isalnum())


def read(postback: Postback) -> Fields:
    """The query's fields, and over them the body's.

    Raises Malformed: not UTF-8, broken or too deep JSON, NaN, a top level that is no object.
    """
    fields = from_form(postback.query) if postback.query else {}
    if postback.body.strip():
        fields.update(_body(postback))
    return fields


def _body(postback: Postback) -> Fields:
    try:
        text = postback.body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8 (byte {error.start})") from error
    kind = postback.headers.get("content-type", "").lower()
    # Forms arrive under any content type, and so does JSON: curl -d calls everything a form.
    start = text.lstrip()[:1]
    if "json" in kind or start == "{" or (start == "[" and "form" not in kind):
        return from_json(text)
    if "multipart/" in kind:
        raise Malformed("multipart bodies are not read; send JSON or application/x-www-form-urlencoded")
    if "=" not in text:
        raise Malformed("the body is neither JSON nor a form")
    return from_form(text)


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


def from_form(text: str) -> Fields:
    """`a=1&b[0][c]=2`, PHP's bracket keys as nested objects. Of a repeated key the last non-empty wins."""
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError as error:
        raise Malformed("the form is not UTF-8") from error
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
    """`value` as text, or None where it says nothing: null, blank, a nested value, an unreplaced [macro]."""
    if value is None or isinstance(value, dict | list):
        return None
    if isinstance(value, bool):
        return "1" if value else "0"
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    return text if text and not is_macro(text) else None


def is_macro(text: str) -> bool:
    """Whether `text` is a placeholder the platform did not replace: [firstName]."""
    return text[:1] == "[" and _MACRO.fullmatch(text) is not None
