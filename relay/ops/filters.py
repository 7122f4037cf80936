"""The filter language: `status:dead source:shop attempts:>3 code:5xx since:24h free words`, on one line.

One parser for the pages, the commands and the JSON API, which gives the same words as keys.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.journal import ids
from relay.journal.filter import Filter, Span
from relay.journal.records import Status
from relay.normalise import times
from relay.normalise.events import KINDS

_LONGEST: Final = 320
_TOKEN: Final = re.compile(r'(?P<word>[A-Za-z_]+):(?P<value>"[^"]*"|\S*)|"(?P<quoted>[^"]*)"|(?P<free>\S+)')
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_SPAN: Final = re.compile(r"(>=|<=|>|<)?(\d{1,6})")
_CODE: Final = re.compile(r"([1-5])(xx|\d\d)", re.IGNORECASE)


class FilterError(ValueError):
    """A word or value that is not understood; the message says what is."""


def parse(line: str) -> Filter:
    """What one line asks for. Raises FilterError."""
    return from_words(words_of(line))


def words_of(line: str) -> dict[str, str]:
    """The line as keys and values; free words together are `q`. Raises FilterError for an unknown word."""
    found: dict[str, str] = {}
    free: list[str] = []
    for token in _TOKEN.finditer(line):
        word = (token["word"] or "").lower()
        if not word:
            free.append(token["quoted"] if token["quoted"] is not None else token["free"])
            continue
        _known(word)
        if word in found:
            raise FilterError(f"{word} is said twice")
        found[word] = token["value"].strip('"')
    if any(free):
        found["q"] = " ".join([*([found["q"]] if "q" in found else []), *free])
    return found


def written(words: Mapping[str, str]) -> str:
    """Keys and values as one line."""
    return " ".join(f"{word}:{_quoted(value)}" for word, value in words.items() if value)


def from_words(words: Mapping[str, str]) -> Filter:
    """What keys and values ask for; a key without a value asks for nothing. Raises FilterError."""
    asked: dict[str, Any] = {}
    for word, value in words.items():
        _known(word)
        if not value.strip():
            continue
        if len(value) > _LONGEST or not value.isprintable():
            raise FilterError(f"{word} is too long or holds what nobody can type")
        asked |= _READERS[word](value.strip())
    return Filter(**asked)


def _known(word: str) -> None:
    if word not in _READERS:
        raise FilterError(f"{advice_on(word, WORDS)}. To look for it as text, put it in quotes.")


def advice_on(word: str, known: Sequence[str]) -> str:
    """What to tell someone who used a word that is not known."""
    close = difflib.get_close_matches(word, known, n=1)
    advice = f"perhaps {close[0]!r} is meant" if close else f"known are {', '.join(known)}"
    return f"{word[:40]!r} is not known; {advice}"


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value


def _plainly(name: str) -> Callable[[str], dict[str, Any]]:
    return lambda value: {name: value}


def _status(value: str) -> dict[str, Any]:
    return {"status": Status(_one_of("status", value, tuple(Status)))}


def _event(value: str) -> dict[str, Any]:
    return {"event": _one_of("event", value, KINDS)}


def _one_of(word: str, value: str, known: tuple[str, ...]) -> str:
    if value.lower() in known:
        return value.lower()
    close = difflib.get_close_matches(value.lower(), known, n=1)
    advice = f"perhaps {close[0]} is meant" if close else f"expected one of {', '.join(known)}"
    raise FilterError(f"{word} is {value[:40]!r}; {advice}")


def _email(value: str) -> dict[str, Any]:
    if not _EMAIL.fullmatch(value):
        raise FilterError("email is no address; expected the whole of one, such as jo@example.com")
    return {"email": value}


def _code(value: str) -> dict[str, Any]:
    found = _CODE.fullmatch(value)
    if found is None:
        raise FilterError(f"code is {value[:40]!r}; expected an HTTP status such as 422, or 5xx")
    first = int(found[1]) * 100
    exact = first + int(found[2]) if found[2].isdigit() else None
    return {"code": Span(first, first + 99) if exact is None else Span(exact, exact)}


def _attempts(value: str) -> dict[str, Any]:
    found = _SPAN.fullmatch(value.replace(" ", ""))
    if found is None:
        raise FilterError(f"attempts is {value[:40]!r}; expected a number such as 3, >3, >=3, <3 or <=3")
    sign, number = found[1], int(found[2])
    low = {">": number + 1, ">=": number, None: number}.get(sign, 0)
    high = {"<": number - 1, "<=": number, None: number}.get(sign)
    return {"attempts": Span(low, high)}


def _moment(name: str) -> Callable[[str], dict[str, Any]]:
    def read(value: str) -> dict[str, Any]:
        try:
            return {f"{name}_ms": max(0, _ms(value))}
        except (ValueError, OverflowError):
            advice = "expected how long ago (24h, 7d) or a date (2026-03-04, 2026-03-04T09:30:00Z)"
            raise FilterError(f"{name} is {value[:40]!r}; {advice}") from None

    return read


def _ms(value: str) -> int:
    try:
        return times.to_ms(times.parse(value, ZoneInfo("UTC")))
    except ValueError:
        return times.now_ms() - round(times.duration(value).total_seconds() * 1000)


def _free(value: str) -> dict[str, Any]:
    """An address asks for the person, an id for the relay; the rest is looked for as text."""
    words = value.split()
    emails = [word for word in words if _EMAIL.fullmatch(word)]
    if len(emails) > 1:
        raise FilterError("two addresses; look for one person at a time")
    rest = [word for word in words if word not in emails]
    asked: dict[str, Any] = {"email": emails[0]} if emails else {}
    if len(rest) == 1 and ids.is_id(rest[0]):
        return {**asked, "relay": rest[0]}
    return {**asked, "text": " ".join(rest)} if rest else asked


_READERS: Final[dict[str, Callable[[str], dict[str, Any]]]] = {
    "status": _status,
    "source": _plainly("source"),
    "event": _event,
    "order": _plainly("order"),
    "email": _email,
    "since": _moment("since"),
    "until": _moment("until"),
    "q": _free,
    "attempts": _attempts,
    "code": _code,
    "issue": _plainly("issue"),
    "destination": _plainly("destination"),
}
WORDS: Final = tuple(_READERS)
