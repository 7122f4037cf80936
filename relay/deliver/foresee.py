"""What would come of a relay if it were composed now, against the book as the journal has it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from relay.compose.compose import Composition, Moment, compose
from relay.compose.policy import Policy
from relay.deliver.booked import facts_of
from relay.journal import ids
from relay.journal.answers import ask
from relay.journal.journal import Journal
from relay.normalise import times
from relay.normalise.events import BOOKED, BookedEvent, Event


async def foresee(
    journal: Journal, relay: str, source: str, events: Sequence[Event], policy: Policy
) -> list[Composition]:
    """For each event. `policy` is the source's."""
    return [await _event(journal, relay, source, event, policy) for event in events]


async def _event(journal: Journal, relay: str, source: str, event: Event, policy: Policy) -> Composition:
    fields = await journal.book(source, event.names) if isinstance(event, BOOKED) else {}
    moment = Moment(
        relay=relay,
        received_at=times.from_ms(ids.moment_ms(relay)),
        now=datetime.now(UTC),
        last_order_at=await _last_order(journal, source, event) if isinstance(event, BOOKED) else None,
    )
    return compose(event, facts_of(fields) if fields else None, policy, moment)


async def _last_order(journal: Journal, source: str, event: BookedEvent) -> datetime | None:
    if event.customer.email is None:
        return None
    person = await journal.person(event.customer.email)
    last = await ask(journal.redis.get(journal.keys.customer(source, person)))
    return times.from_ms(int(last)) if last else None
