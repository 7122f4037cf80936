"""What is wrong with a setting, in one sentence: the key, what was found, what was expected."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from relay.tables import table_of

Path = tuple[str | int, ...]

_SECRET: Final = re.compile(
    r"\b(api|api_key|tokens|webhooks|RELAY_REDIS_URL)\b|secret|password", re.IGNORECASE
)
"""Keys whose values no message repeats."""
_LOGIN: Final = re.compile(r"://[^/\s]*@")
"""Nor is a URL that holds a password."""
_LIST: Final = 'expected a list, such as ["this", "that"]'
_TABLE: Final = "expected a table of settings"
_NUMBER: Final = "expected a whole number"
_EXPECTED: Final = {
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "model_attributes_type": _TABLE,
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected {ge} or more",
    "int_from_float": _NUMBER,
    "int_parsing": _NUMBER,
    "int_type": _NUMBER,
    "less_than_equal": "expected {le} or less",
    "list_type": _LIST,
    "literal_error": "expected {expected}",
    "string_too_short": "expected a value",
    "string_type": "expected text in quotes",
    "too_short": "expected one or more",
    "tuple_type": _LIST,
}
"""By pydantic's name of the fault. What is not here has a message of its own."""
_A_TABLE: Final = {
    "destinations": "a table for each, such as [destinations.main]",
    "sources": "a table for each, such as [sources.my-store]",
}
_EMPTY: Final = frozenset({"string_too_short", "too_short"})


def say(error: ValidationError, prefix: tuple[str, ...] = (), model: type[BaseModel] | None = None) -> str:
    """Of keys below `prefix`, in the tables of `model` or the whole file."""
    return say_of(error, lambda path: ".".join(map(str, (*prefix, *path))), model)


def say_of(error: ValidationError, name: Callable[[Path], str], model: type[BaseModel] | None = None) -> str:
    """`name` makes the key's name. An unknown key comes first: for its sake another one is missing."""
    faults = error.errors(include_url=False)
    first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    path = tuple(p for p in first["loc"] if p != "[key]")
    key = name(path)
    if first["type"] == "extra_forbidden":
        return f"{key} is not a setting; {_nearest(str(path[-1]), table_of(path, model).model_fields)}"
    if first["type"] == "missing":
        return f"{key} is missing; expected {_A_TABLE.get(key, 'a value')}"
    expected = _expected(first)
    return f"{key} {expected}" if first["type"] in _EMPTY else f"{key}{_found(key, first)}{expected}"


def names(known: Iterable[str]) -> str:
    return ", ".join(sorted(known))


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {names(known)}"


def _expected(fault: ErrorDetails) -> str:
    told = _EXPECTED.get(fault["type"])
    if told is None:
        message = fault["msg"].removeprefix("Value error, ")
        return message[:1].lower() + message[1:]
    context: Mapping[str, Any] = fault.get("ctx", {})
    told = told.format_map(context)
    return f"is empty; {told}" if fault["type"] in _EMPTY else told


def _found(key: str, fault: ErrorDetails) -> str:
    found = fault["input"]
    if isinstance(found, dict | list):  # it may hold a secret
        return ": " if fault["type"] == "value_error" else f" is a {_kind(found)}; "
    if _SECRET.search(key) or (isinstance(found, str) and _LOGIN.search(found)):
        return f" is {_kind(found)}; " if fault["type"] in _EXPECTED else ": "
    return f" is {found!r}; "


def _kind(found: Any) -> str:
    kinds = {dict: "table", list: "list", str: "text", bool: "a truth value", int: "a number"}
    return kinds.get(type(found), "something else")
