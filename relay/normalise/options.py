"""Options that every platform has whose merchants choose what a postback says: words, and what may leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, field_validator

from relay.normalise import bodies
from relay.normalise.fields import Encoding, names_of, plain_key
from relay.normalise.words import plain

# The Commerce API keeps these names for itself; a checkout's id is put beside its order by composing.
_RESERVED_PROPERTIES: Final = frozenset(map(plain_key, (*bodies.BUILT_IN, "checkoutId")))
_RESERVED_ATTRIBUTES: Final = frozenset(map(plain_key, bodies.RESERVED_ATTRIBUTES))
_PERSONAL: Final = names_of("""
    ipaddress ip useragent phonenumber phone telephone mobile address1 address2 address street city state
    country postalcode zip zipcode dateofbirth ssn
""")


class MerchantOptions(BaseModel):
    """An adapter says which words it knows, and which plain keys are never sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    known: ClassVar[Mapping[str, Any]]
    private: ClassVar[frozenset[str]]

    default_event: str | None = None
    """What happened where no word says it: for a profile that serves one trigger."""
    words: dict[str, str] = {}
    """More words for what happened, each as one of those known: {"Order Paid" = "sale"}."""
    encoding: Encoding = "utf-8"
    """Of URLs and forms."""
    attributes: tuple[str, ...] = ()
    """Fields merged into the customer's profile."""
    properties: tuple[str, ...] = ()
    """Fields sent beside an order."""

    def default(self) -> Any:
        """What `default_event` means, None where it is not set."""
        return None if self.default_event is None else self.known[plain(self.default_event)]

    def learned(self) -> dict[str, Any]:
        """What each of `words` means."""
        return {plain(word): self.known[plain(meaning)] for word, meaning in self.words.items()}

    def taught(self) -> tuple[tuple[Any, tuple[str, ...]], ...]:
        """The same as rows, in the merchant's spelling."""
        return tuple((self.known[plain(meaning)], (word,)) for word, meaning in self.words.items())

    @field_validator("default_event")
    @classmethod
    def _known_event(cls, word: str | None) -> str | None:
        return word if word is None else cls._known(word)

    @field_validator("words")
    @classmethod
    def _known_words(cls, words: dict[str, str]) -> dict[str, str]:
        for word, meaning in words.items():
            if not plain(word):
                raise ValueError("a word to teach is empty")
            cls._known(meaning)
        return words

    @classmethod
    def _known(cls, word: str) -> str:
        if plain(word) not in cls.known:
            raise ValueError(f"{word!r} is no known event; the adapter's guide lists them")
        return word

    @field_validator("attributes")
    @classmethod
    def _attributes_may_leave(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return cls._may_leave(names, _RESERVED_ATTRIBUTES)

    @field_validator("properties")
    @classmethod
    def _properties_may_leave(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return cls._may_leave(names, _RESERVED_PROPERTIES)

    @classmethod
    def _may_leave(cls, names: tuple[str, ...], reserved: frozenset[str]) -> tuple[str, ...]:
        for name in names:
            key = plain_key(name)
            if key in reserved:
                raise ValueError(f"{name!r} is a name the destination keeps for itself")
            if key in cls.private or key in _PERSONAL:
                raise ValueError(f"{name!r} is never sent: card, bank, gateway, address, phone or a token")
            if not key:
                raise ValueError("a field name is empty")
        return names
