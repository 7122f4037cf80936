"""What a postback would become, without recording or sending anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from relay import wiring
from relay.compose.book import Facts, Part, fold
from relay.compose.compose import Moment, Refuse, Send, Skip, Wait, compose
from relay.compose.policy import Policy
from relay.deliver.booked import facts_of
from relay.httpfile import RawRequest
from relay.journal.ids import Ids
from relay.journal.journal import Journal
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.contract import Events, Ignored, Postback
from relay.normalise.events import BOOKED, Event
from relay.receive.reading import Read, book_entries, read, reading_to_plain, refuses
from relay.settings import Config

_NEW: Final = "(new)"


def alone(config: Config, name: str, request: RawRequest) -> dict[str, Any]:
    """Against an empty book."""
    source = wiring.one_source(config, name)
    postback = request.postback()
    return plain(read(source, postback), wiring.policy(config.sources[name]), {})


async def against(journal: Journal, config: Config, name: str, request: RawRequest) -> dict[str, Any]:
    """Against what the journal knows of the order."""
    source = wiring.one_source(config, name)
    postback = request.postback()
    found = read(source, postback)
    outcome = found.outcome
    books: dict[str, Facts] = {}
    relay = Ids().new()
    if isinstance(outcome, Events):
        for entry in book_entries(outcome.events, normalised.dump(outcome.events)):
            fields = await journal.book(name, entry.names)
            facts = facts_of({**fields, f"f:{relay}": entry.part})
            books.update(dict.fromkeys(entry.names, facts))
    return plain(found, wiring.policy(config.sources[name]), books, relay)


def plain(found: Read, policy: Policy, books: dict[str, Facts], relay: str = _NEW) -> dict[str, Any]:
    """`relay` is the id under which `books` have the postback's own part."""
    outcome, postback = found.outcome, found.postback
    result: dict[str, Any] = reading_to_plain(outcome)
    if isinstance(outcome, Events):
        result.update(_composed(outcome, policy, postback, dict(books), relay))
    elif isinstance(outcome, Ignored):
        result["calls"] = []
    else:
        result["refused"] = refuses(found)
    return result


def _facts(event: Event, reading: Events, postback: Postback, books: dict[str, Facts]) -> Facts | None:
    if not isinstance(event, BOOKED):
        return None
    if event.names[0] in books:
        return books[event.names[0]]
    own = tuple(e for e in reading.events if isinstance(e, BOOKED) and set(e.names) & set(event.names))
    return fold([Part(_NEW, postback.received_at, own)], {})


def _composed(
    reading: Events, policy: Policy, postback: Postback, books: dict[str, Facts], relay: str
) -> dict[str, list[Any]]:
    """The calls of all events, each against what those before it would leave in `books`."""
    moment = Moment(relay=relay, received_at=postback.received_at, now=datetime.now(UTC))
    calls: list[Any] = []
    notes: list[Any] = []
    for event in reading.events:
        facts = _facts(event, reading, postback, books)
        match compose(event, facts, policy, moment):
            case Send(sent):
                calls += ({"path": call.path, "body": call.body} for call in sent)
                if facts is not None:
                    for call in sent:
                        facts = facts.after(call)
                    books.update(dict.fromkeys(facts.names, facts))
            case Skip(reason):
                notes.append(reason)
            case Wait(reason, until):
                notes.append(f"held until {times.z(until)}: {reason}")
            case Refuse(reason, field):
                notes.append(f"dead: {field}: {reason}" if field else f"dead: {reason}")
    return {"calls": calls, "notes": notes}
