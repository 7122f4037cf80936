"""A postback as a fixture for an adapter: raw, with every person in it replaced by one who does not exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from relay.errors import Malformed
from relay.normalise import fields
from relay.normalise.contract import Postback
from relay.normalise.fields import plain_key
from relay.ops.pages.masking import is_personal, personal

_STAND_INS: Final = (
    (re.compile("mail"), "dana@example.com"),
    (re.compile("first|given"), "Dana"),
    (re.compile("last|family|sur"), "Example"),
    (re.compile("phone|mobile|cell|tel|fax"), "5550100"),
    (re.compile("ip|forwarded|realip"), "192.0.2.1"),
    (re.compile("url|referer"), "https://example.com/"),
    (re.compile("zip|postal|postcode"), "10001"),
    (re.compile("birth|dob"), "1990-01-01"),
    (re.compile("id$"), "1001"),
)
_SHORTEST: Final = 4
_KEPT_HEADERS: Final = ("content-type", "user-agent")


class NotScrubbable(Exception):
    """The body cannot be read by names, so nobody can say whose data are in it."""


def scrubbed(postback: Postback, source: str, events: list[dict[str, Any]]) -> str:
    """As a `.http` file. Raises NotScrubbable."""
    try:
        tree = fields.read(postback)
        body = postback.body.decode()
    except (Malformed, UnicodeDecodeError) as error:
        raise NotScrubbable from error
    swaps = dict(_swaps(tree)) | {str(value): "Example" for value in personal(events)} | dict(_swaps(events))
    target = f"/in/{source}" + (f"?{_replaced(postback.query, swaps)}" if postback.query else "")
    head = [f"{postback.method} {target} HTTP/1.1"]
    head += [f"{name}: {postback.headers[name]}" for name in _KEPT_HEADERS if name in postback.headers]
    return "\n".join([*head, "", _replaced(body, swaps)])


def _swaps(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each personal value, and who stands in for it."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _swaps(child, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _swaps(child, path)
    elif path and is_personal(path) and value not in (None, "") and not isinstance(value, bool):
        yield str(value).strip(), _stand_in(plain_key(path[-1]))


def _stand_in(name: str) -> str:
    return next((stand_in for words, stand_in in _STAND_INS if words.search(name)), "Example")


def _replaced(text: str, swaps: Mapping[str, str]) -> str:
    """Wherever a value stands: plain, as JSON writes it, and as a form does. The longest first."""
    forms: dict[str, str] = {}
    for value, stand_in in swaps.items():
        if len(value) >= _SHORTEST or value.isalpha():  # a short number is also a quantity, or a price
            forms[value] = stand_in
            forms[json.dumps(value)[1:-1]] = stand_in
            forms[quote_plus(value)] = quote_plus(stand_in)
            forms[quote(value, safe="")] = quote(stand_in, safe="")
    if not forms:
        return text
    words = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda found: forms[found[0]], text)
