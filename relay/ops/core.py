"""What people may ask and do, once for the JSON API, the pages and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from relay.compose.policy import OLD
from relay.errors import JournalAway
from relay.journal import codec, ids
from relay.journal.journal import Journal
from relay.journal.queries import Queries
from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise import times
from relay.receive.reading import read, recording
from relay.receive.sources import Source
from relay.receive.spool import Spool

Stage = Literal["normalise", "deliver"]


@dataclass(frozen=True, slots=True)
class Done:
    """The act was done; `status` is the relay's now."""

    status: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not done. `missing`: there is no such relay. `advice` says what to do instead."""

    advice: str
    missing: bool = False


class Operations:
    def __init__(
        self, journal: Journal, queries: Queries, sources: Mapping[str, Source], spool: Spool
    ) -> None:
        self._journal = journal
        self._queries = queries
        self._sources = sources
        self._spool = spool

    async def retry(
        self,
        relay: str,
        *,
        by: str,
        stage: Stage | None = None,
        force: bool = False,
        stale: bool = False,
    ) -> Done | Refused:
        """Runs a relay again: from its stored postback ("normalise"), or composed anew from its events."""
        detail = await self._queries.detail(relay)
        if detail is None:
            return _unknown(relay)
        refusal = _guard(detail.relay, force=force, stale=stale)
        if refusal:
            return refusal
        if (stage or _stage_of(detail)) == "normalise":
            return await self._read_again(detail, by=by, force=force)
        if not (detail.reading or {}).get("events"):
            return Refused("nothing was read out of it yet; retry from the stage normalise")
        return _result(relay, await self._journal.retry(relay, by=by, force=force), Status.QUEUED)

    async def _read_again(self, detail: RelayDetail, *, by: str, force: bool) -> Done | Refused:
        source = self._sources.get(detail.relay.source)
        if source is None:
            return Refused(f"the source {detail.relay.source!r} is not configured any more")
        if detail.postback is None:
            return Refused("its postback is not kept any more")
        found = read(source, codec.postback_from_plain(detail.postback))
        again = recording(found, detail.relay.id)
        receipt = await self._journal.record_again(detail.relay.id, again, by=by, force=force)
        if receipt.status == "being sent":
            return _result(detail.relay.id, receipt.status, Status.QUEUED)
        return Done(receipt.status)

    async def discard(self, relay: str, *, by: str) -> Done | Refused:
        return _result(relay, await self._journal.discard(relay, by=by), Status.DISCARDED)

    async def restore(self, relay: str, *, by: str) -> Done | Refused:
        return _result(relay, await self._journal.restore(relay, by=by), Status.DEAD)

    async def stats(self) -> dict[str, Any]:
        """The sum of promise 3; what is not known while Redis is away is None, never 0.

        What waits in this host's spool counts as received and queued.
        """
        spooled = await self._spool.count()
        try:
            stats = await self._queries.stats()
        except JournalAway:
            words = ("received", "balanced", "duplicates", "overtaken", "oldest_due", "sources")
            counts = {str(status): None for status in Status}
            return {**dict.fromkeys(words), "counts": counts, "spool": spooled}
        due = stats.oldest_due_ms
        return {
            "received": stats.received + spooled,
            "counts": {**stats.counts, Status.QUEUED: stats.counts[Status.QUEUED] + spooled},
            "balanced": stats.balanced,
            "duplicates": stats.duplicates,
            "overtaken": stats.overtaken,
            "spool": spooled,
            "oldest_due": times.z(times.from_ms(due)) if due is not None else None,
            "sources": stats.sources,
        }


def _guard(relay: Relay, *, force: bool, stale: bool) -> Refused | None:
    age = datetime.now(UTC) - times.from_ms(ids.moment_ms(relay.id))
    if relay.status is Status.DELIVERED and not force:
        return Refused("it was delivered; sending it again may mail the customer twice: say force")
    if age > OLD and not stale:
        hours = age // timedelta(hours=1)
        return Refused(f"it is {hours} h old; sending it mails people about an old order: say stale")
    return None


def _stage_of(detail: RelayDetail) -> Stage:
    return "normalise" if detail.relay.stage == "normalise" else "deliver"


def _result(relay: str, answer: str, status: Status) -> Done | Refused:
    if answer == "ok":
        return Done(status)
    if answer == "unknown":
        return _unknown(relay)
    if answer == "being sent":
        return Refused("it is being sent this moment; look again in a few seconds")
    return Refused(f"it is {answer}; that does not fit")


def _unknown(relay: str) -> Refused:
    return Refused(f"there is no relay {relay}", missing=True)


def relay_to_plain(relay: Relay) -> dict[str, Any]:
    return {
        "id": relay.id,
        "source": relay.source,
        "adapter": relay.adapter,
        "destination": relay.destination,
        "status": relay.status,
        "reason": relay.reason or None,
        "received_at": relay.received_at,
        "events": list(relay.kinds),
        "order": relay.order,
        "attempts": relay.attempts,
        "copies": relay.copies,
        "code": relay.code,
        "next_try": relay.next_try,
    }


def detail_to_plain(detail: RelayDetail) -> dict[str, Any]:
    """All of it: postback, events, calls, attempts, timeline."""
    reading = detail.reading or {}
    attempts = [_with_time(entry) for entry in detail.history if entry["what"] == "attempt"]
    return {
        **relay_to_plain(detail.relay),
        "postback": detail.postback
        and {
            **detail.postback,
            "received_at": times.z(times.from_ms(detail.postback["received_at"])),
        },
        "normalised": reading.get("events", []),
        "warnings": reading.get("warnings", []),
        "calls": [{"path": a["path"], "body": a["body"]} for a in attempts if a["outcome"] == "accepted"],
        "tries": [{key: value for key, value in a.items() if key != "what"} for a in attempts],
        "timeline": _timeline(detail),
    }


def _timeline(detail: RelayDetail) -> list[dict[str, Any]]:
    first = {"at": detail.relay.received_at, "what": "received"}
    rest = [
        {key: value for key, value in _with_time(entry).items() if key not in ("body", "answer")}
        for entry in detail.history
    ]
    return [first, *rest]


def _with_time(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "at": times.z(times.from_ms(int(entry["at"])))}
