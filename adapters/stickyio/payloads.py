"""Reading the wire: query, form or flat JSON, and what an unset token looks like in it."""

from __future__ import annotations

import re
from typing import Final

from adapters.stickyio.names import DROPPED, EVENT, TOKENS
from relay.normalise import fields, payload
from relay.normalise.contract import Postback
from relay.normalise.fields import Encoding, Fields, plain_key
from relay.normalise.payload import Clean, Keys, Payload, Said

# The platform's own words for "nothing", seen in its API's answers.
_UNSET: Final = frozenset({"n/a", "not available", "not shipped"})
_DOCUMENTED: Final = TOKENS | {EVENT}
_TOKEN: Final = re.compile(r"\{[A-Za-z][A-Za-z0-9_.-]*\}")
_FLAGS: Final = ("is_test_cc", "ischargeback", "order_status")


class Reader:
    """Reads the postbacks of one source."""

    def __init__(self, keys: Keys, encoding: Encoding) -> None:
        self._keys = keys
        self._encoding = encoding
        self._free_text = frozenset(keys["product_names_csv"])
        self._flags = frozenset(key for flag in _FLAGS for key in keys[flag])

    def read(self, postback: Postback) -> Payload:
        """The query's fields, and over them what the body says. Raises Malformed."""
        query, body = fields.sides(postback, self._encoding)
        url = self._clean(query)
        return Payload(self._clean(self._with_flags(body)).over(url), self._keys, url)

    def of(self, tree: Fields) -> Payload:
        """What `tree` says, by the tokens' own names."""
        said = self._clean(self._with_flags(tree))
        return Payload(said, self._keys, said)

    def _with_flags(self, tree: Fields) -> Fields:
        """A boolean is no id and no amount, but it is a flag."""
        return {
            key: str(int(value)) if isinstance(value, bool) and plain_key(key) in self._flags else value
            for key, value in tree.items()
        }

    def _clean(self, tree: Fields) -> Clean:
        kept = payload.clean(tree, DROPPED, _DOCUMENTED)
        whole: dict[str, Said] = {}
        for key, text in kept.fields.items():
            if not isinstance(text, str) or text.lower() in _UNSET:
                continue
            # A name may hold braces of its own; an id that holds a token is the same id for everybody.
            token = _TOKEN.search(text) if "{" in text and key not in self._free_text else None
            if token is None:
                whole[key] = text
            else:
                kept.placeholders.append(token[0])
        return Clean(whole, kept.placeholders)
