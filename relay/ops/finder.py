"""A relay by the id it was acknowledged with: in the journal, or until that has it in this host's spool."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from relay.errors import JournalAway, SpoolFull
from relay.journal import codec
from relay.journal.queries import Queries
from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise import times
from relay.receive.spool import Spool, Spooled

IN_SPOOL: Final = "in the spool of this host, not yet recorded"


class Finder:
    """`spool` is this host's, None where the process has nothing to do with one."""

    def __init__(self, queries: Queries, spool: Spool | None) -> None:
        self._queries = queries
        self._spool = spool

    async def detail(self, relay: str) -> RelayDetail | None:
        """Raises JournalAway where only the journal can say."""
        try:
            detail = await self._queries.detail(relay)
        except JournalAway:
            spooled = await self.spooled(relay)
            if spooled is None:
                raise
            return spooled
        # The third look is for one that was recorded between the first two.
        return detail or await self.spooled(relay) or await self._queries.detail(relay)

    async def spooled(self, relay: str) -> RelayDetail | None:
        """Only what is in the spool."""
        if self._spool is None:
            return None
        with suppress(SpoolFull):
            found = await self._spool.find(relay)
            return _detail(found) if found else None
        return None


def _detail(spooled: Spooled) -> RelayDetail:
    stored = codec.unpack(spooled.recording.blob)
    return RelayDetail(_relay(spooled), stored.get("postback"), stored.get("reading"), history=())


def _relay(spooled: Spooled) -> Relay:
    """It counts as queued, whatever becomes of it once it is recorded."""
    recording = spooled.recording
    becomes = f"; then {recording.status}: {recording.reason}" if recording.status != Status.QUEUED else ""
    return Relay(
        id=recording.id,
        source=recording.source,
        adapter=recording.adapter,
        destination=recording.destination,
        endpoint=recording.endpoint,
        status=Status.QUEUED,
        reason=IN_SPOOL + becomes,
        received_at=times.z(times.from_ms(recording.at_ms)),
        kinds=tuple(kind for kind in recording.kinds.split(",") if kind),
        order=recording.order or None,
        attempts=0,
        tries=0,
        copies=spooled.copies,
        code=None,
        stage=recording.stage or None,
        issue=None,
        replay=None,
        edited=False,
        next_try=None,
        changed_at=None,
    )
