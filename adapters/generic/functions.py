"""JMESPath with a few functions of ours, and exact numbers: what has a point is a `Decimal` all the way.

money(value, currency)     minor units; without a currency, that of the order or of the source
date(value, format, zone)  a time as the API takes it; format as strptime's, or 'unix', 'unix_ms', 'iso'
lower(text)
default(value, other)      the first that is neither null nor blank
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import jmespath
from jmespath import functions
from jmespath.exceptions import JMESPathError, JMESPathTypeError, LexerError, ParseError

from relay.normalise import money, times

LONGEST: Final = 2000
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,10})?", re.ASCII)
_ARGUMENTS: Final = {"money": 2, "date": 3, "lower": 1}
_STAMPS: Final = {"unix": 1, "unix_ms": 1000}


class Functions(functions.Functions):
    """For one postback: `money` reads in `currency` where it is told none; dates are wall clock in `zone`."""

    def __init__(self, currency: str | None, zone: ZoneInfo) -> None:
        self.currency = currency
        self.zone = zone

    @functions.signature({"types": [], "variadic": True})
    def _func_money(self, value: Any, *told: Any) -> int | None:
        if _blank(value):
            return None
        code = told[0] if told else self.currency
        if not isinstance(code, str) or code.strip().upper() not in money.EXPONENTS:
            raise ValueError("money() knows no currency: map `currency`, or set the source's own")
        try:
            return money.minor(value, code.strip().upper())
        except ValueError as error:  # its words hold the value
            raise ValueError("money() takes an amount such as 49.90 or '49.90'") from error

    @functions.signature({"types": [], "variadic": True})
    def _func_date(self, value: Any, *told: str) -> str | None:
        if _blank(value):
            return None
        zone = _zone(told[1]) if len(told) > 1 else self.zone
        form = told[0] if told else "iso"
        try:
            return times.z(_moment(value, form, zone))
        except (ValueError, OverflowError, ArithmeticError) as error:
            raise ValueError(f"date() cannot read it as {form!r}") from error

    @functions.signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @functions.signature({"types": [], "variadic": True})
    def _func_default(self, *values: Any) -> Any:
        return next((value for value in values if not _blank(value)), None)

    @functions.signature({"types": []})
    def _func_to_number(self, value: Any) -> int | Decimal | None:
        """As JMESPath's, but exact."""
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return value
        if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
            return None
        return Decimal(value.strip()) if "." in value else int(value)

    @functions.signature({"types": []})
    def _func_to_string(self, value: Any) -> str:
        return f"{value:f}" if isinstance(value, Decimal) else str(super()._func_to_string(value))  # type: ignore[misc]

    @functions.signature({"types": []})
    def _func_type(self, value: Any) -> str:
        return "number" if isinstance(value, Decimal) else str(super()._func_type(value))  # type: ignore[misc]

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        known = super()._convert_to_jmespath_type(pyobject)  # type: ignore[misc]
        return "number" if pyobject == "Decimal" else str(known)

    def _get_allowed_pytypes(self, types: Any) -> Any:
        allowed, inner = super()._get_allowed_pytypes(types)  # type: ignore[misc]
        return _with_decimal(allowed), [_with_decimal(each) for each in inner]


def _with_decimal(names: Any) -> Any:
    return (*names, "Decimal") if "int" in names else names


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _moment(value: Any, form: str, zone: ZoneInfo) -> datetime:
    if form in _STAMPS:
        return datetime.fromtimestamp(float(Decimal(str(value)) / _STAMPS[form]), UTC)
    if not isinstance(value, str):
        raise ValueError("a number is no date; say date(x, 'unix') or 'unix_ms'")  # noqa: TRY004
    if form == "iso":
        return times.parse(value, zone)
    read = datetime.strptime(value.strip(), form)  # noqa: DTZ007 - the zone is applied beside it
    return read if read.tzinfo else read.replace(tzinfo=zone)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


class Expression:
    """A JMESPath expression, compiled and looked over: what cannot work stops the start."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, with what is wrong, for one that cannot work."""
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except ParseError as error:
            place = error.lexer_position if isinstance(error, LexerError) else error.lex_position
            raise ValueError(f"it is no JMESPath expression (column {place + 1})") from error
        except JMESPathError as error:
            raise ValueError("it is no JMESPath expression") from error
        for call in _calls(self._compiled.parsed):
            _check(call)

    def search(self, data: Any, known: Functions) -> Any:
        """Raises ValueError, without the value, where the expression does not fit `data`."""
        try:
            return self._compiled.search(data, jmespath.Options(custom_functions=known))
        except JMESPathTypeError as error:
            wanted = " or ".join(error.expected_types)
            raise ValueError(
                f"{error.function_name}() was given {error.actual_type}; it takes {wanted}"
            ) from error
        except JMESPathError as error:
            raise ValueError("the expression does not fit what came") from error
        except (TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ValueError("the expression does not fit what came") from error


def _calls(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "function_expression":
            yield node
        for child in node.get("children", ()):
            yield from _calls(child)


def _check(call: dict[str, Any]) -> None:
    name, given = call["value"], call["children"]
    known = Functions.FUNCTION_TABLE
    if name not in known:
        raise ValueError(f"there is no function {name}(); known are {', '.join(sorted(known))}")
    wanted = known[name]["signature"]
    least, most = len(wanted), len(wanted)
    if wanted and wanted[-1].get("variadic"):
        most = _ARGUMENTS.get(name, len(given))
    if not least <= len(given) <= most:
        raise ValueError(f"{name}() takes {least if least == most else f'{least} to {most}'} arguments")
    literals = [child.get("value") if child["type"] == "literal" else None for child in given[1:]]
    if name == "date" and literals:
        _check_date(literals)
    if name == "money" and literals and literals[0] is not None:
        money.currency_code(str(literals[0]))


def _check_date(told: list[Any]) -> None:
    if not all(isinstance(each, str) for each in told):
        raise ValueError("date() takes its format and its zone as text, in single quotes")
    form, *zone = told
    if form != "iso" and form not in _STAMPS and "%" not in form:
        raise ValueError(
            f"{form!r} is no format of date(): expected 'unix', 'unix_ms', 'iso' or such as '%d.%m.%Y'"
        )
    if "%" in form:
        _check_format(form)
    if zone:
        try:
            _zone(zone[0])
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{zone[0]!r} is not a time zone such as Europe/Berlin") from error


def _check_format(form: str) -> None:
    if "%Z" in form:
        raise ValueError(f"{form!r} is no format of date(): %Z tells no offset; give the zone beside it")
    moment = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)
    try:
        datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - only whether it can be read
    except ValueError as error:
        raise ValueError(f"{form!r} is no format of date(): {error}") from error
