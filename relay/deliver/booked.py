"""An order's book as it lies in the journal, read as facts. Its fields: `relay.journal.keys`."""

from __future__ import annotations

from collections.abc import Mapping

from relay.compose.book import Facts, Part, fold
from relay.journal import ids
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.events import BOOKED


def facts_of(fields: Mapping[str, str]) -> Facts:
    """The facts of an order's book as it lies in the journal."""
    return fold(
        [_part(key[2:], value) for key, value in fields.items() if key[:2] == "f:"],
        {key[2:]: value.split()[1] for key, value in fields.items() if key[:2] == "s:" and value[:1] == "A"},
        order_id=fields.get("id"),
        dead_placed=_marked(fields, "dead"),
        dropped_placed=_marked(fields, "discarded"),
    )


def _part(relay: str, value: str) -> Part:
    events = normalised.load_json(value)
    booked = tuple(event for event in events if isinstance(event, BOOKED))
    return Part(relay, times.from_ms(ids.moment_ms(relay)), booked)


def _marked(fields: Mapping[str, str], mark: str) -> str | None:
    return next((key[2:] for key, value in fields.items() if key[:2] == "x:" and value == mark), None)


def sent_by(relay: str, fields: Mapping[str, str]) -> bool:
    """Whether a call of `relay` itself is among those the destination accepted."""
    return any(
        key.startswith("s:") and value.startswith("A ") and value.endswith(f" {relay}")
        for key, value in fields.items()
    )
