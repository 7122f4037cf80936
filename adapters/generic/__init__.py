"""The adapter for senders of one's own: the Commerce API's bodies as they are, or anybody's by a mapping."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from adapters.generic.commerce import CommerceBodies
from adapters.generic.foreign import ForeignBodies
from adapters.generic.names import DROPPED
from adapters.generic.options import GenericOptions
from relay.errors import Unsupported
from relay.normalise import fields
from relay.normalise.contract import Events, Ignored, Meaning, Postback, Reading, SourceContext
from relay.normalise.fields import Encoding
from relay.normalise.payload import fitting_id, text_of

__all__ = ["Generic", "GenericOptions"]


class Generic:
    name: ClassVar[str] = "generic"
    Options: ClassVar[type[BaseModel]] = GenericOptions
    dropped: ClassVar[frozenset[str]] = DROPPED
    can_correct: ClassVar[bool] = True

    def __init__(self, source: SourceContext, options: GenericOptions) -> None:
        self._bodies: CommerceBodies | ForeignBodies = CommerceBodies(options.refunds)
        if options.mapping is not None:
            self._bodies = ForeignBodies(source, options.mapping, options)
        self._encoding = options.encoding
        self._options = options

    def meanings(self) -> tuple[Meaning, ...]:
        return self._options.meanings()

    def read(self, postback: Postback) -> Reading:
        reading = self._bodies.read(postback, _word_in_url(postback, self._encoding))
        delivery_id = fitting_id(text_of(postback.headers.get("idempotency-key"))) or reading.delivery_id
        if isinstance(reading, Ignored):
            return Ignored(reading.reason, delivery_id)
        return Events(reading.events, reading.warnings, delivery_id)


def _word_in_url(postback: Postback, encoding: Encoding) -> str | None:
    word = fields.of_query(postback, encoding).get("event")
    if word is None:
        return None
    if not isinstance(word, str) or not word.strip():
        raise Unsupported("event in the URL says nothing", field="event")
    return word.strip()
