"""What people do to a relay, an issue or a destination: once for the JSON API, the pages and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from relay.compose.compose import Skip
from relay.compose.policy import OLD, Policy
from relay.deliver.foresee import foresee
from relay.journal import codec, ids
from relay.journal.activity import Activity
from relay.journal.acts import Acts
from relay.journal.journal import Journal
from relay.journal.keys import ENDPOINTS
from relay.journal.queries import Queries
from relay.journal.records import Receipt, Relay, RelayDetail, Status
from relay.normalise import events as normalised
from relay.normalise import times
from relay.normalise.events import Fault
from relay.ops.finder import IN_SPOOL, Finder
from relay.receive.reading import edited, read, recording
from relay.receive.sources import Source

Stage = Literal["normalise", "deliver"]
Word = Literal["", "force", "stale", "drop_edit"]


@dataclass(frozen=True, slots=True)
class Done:
    """The act was done; `status` is the relay's now, or that of the issue or destination. `relay`: which."""

    status: str
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not done. `missing`: there is no such thing. `word`: with it said, it is done nevertheless."""

    advice: str
    missing: bool = False
    word: Word = ""


@dataclass(frozen=True, slots=True)
class Invalid:
    """What a person wrote is no event."""

    faults: tuple[Fault, ...]


class Operations:
    """`sources` as they are configured now, with the policy of each; `destinations` by name."""

    def __init__(
        self,
        journal: Journal,
        queries: Queries,
        sources: Mapping[str, Source],
        policies: Mapping[str, Policy],
        destinations: frozenset[str],
        finder: Finder,
    ) -> None:
        self._journal = journal
        self._acts = Acts(journal)
        self._activity = Activity(journal)
        self._queries = queries
        self._sources = sources
        self._policies = policies
        self._destinations = destinations
        self._finder = finder

    # One relay ---------------------------------------------------------------------------------------

    async def retry(
        self,
        relay: str,
        *,
        by: str,
        stage: Stage | None = None,
        force: bool = False,
        stale: bool = False,
        drop_edit: bool = False,
    ) -> Done | Refused:
        """Runs a relay again: from its stored postback ("normalise"), or composed anew from its events.

        `force` sends what was accepted before, and drops an edit; `drop_edit` does only that.
        """
        detail = await self._queries.detail(relay)
        if detail is None:
            return await self._missing(relay)
        refusal = _guard(detail.relay, force=force, stale=stale)
        if refusal:
            return refusal
        if (stage or stage_of(detail.relay)) == "normalise":
            if detail.original and not (force or drop_edit):
                return Refused("a person edited it; mapping it again drops the edit", word="drop_edit")
            return await self.map_again(detail, by=by, force=force)
        if not (detail.reading or {}).get("events"):
            return Refused("nothing was read out of it yet; retry from the stage normalise")
        why = None if force else await self.overtaken(detail)
        if why:
            return Refused(f"{why}: it would end as ignored", word="force")
        answer = await self._acts.retry(detail.relay.id, by=by, force=force)
        return (
            Refused(_under_way(detail.relay)) if answer == Status.QUEUED else _result(relay, answer, _QUEUED)
        )

    async def map_again(
        self, detail: RelayDetail, *, by: str, force: bool = False, replay: str = ""
    ) -> Done | Refused:
        """What was read out of it is replaced by what its source's adapter reads now."""
        source = self._sources.get(detail.relay.source)
        if source is None:
            return Refused(f"the source {detail.relay.source!r} is not configured any more")
        if detail.postback is None:
            return Refused("its postback is not kept any more")
        found = read(source, codec.postback_from_plain(detail.postback))
        again = recording(found, detail.relay.id)
        receipt = await self._acts.map_again(detail.relay.id, again, by=by, force=force, replay=replay)
        return _received(receipt)

    async def overtaken(self, detail: RelayDetail) -> str | None:
        """Why nothing would be sent of it any more: something later of its order was."""
        relay, policy = detail.relay, self._policies.get(detail.relay.source, Policy())
        try:
            composed = await foresee(self._journal, relay.id, relay.source, events_of(detail), policy)
        except ValueError:  # events or book of an older make: the attempt will say so
            return None
        reasons = [c.reason for c in composed if isinstance(c, Skip) and c.overtaken]
        return reasons[0] if reasons and len(reasons) == len(composed) else None

    async def edit(
        self,
        relay: str,
        *,
        by: str,
        index: int,
        event: Mapping[str, Any],
        force: bool = False,
        stale: bool = False,
    ) -> Done | Refused | Invalid:
        """Replaces one event of a relay by what a person wrote, and delivers it. The original is kept."""
        detail = await self._queries.detail(relay)
        if detail is None:
            return await self._missing(relay)
        refusal = _guard(detail.relay, force=force, stale=stale)
        if refusal:
            return refusal
        try:
            events = events_of(detail)
        except ValueError:
            return Refused("its events cannot be read any more; retry from normalise")
        if not 0 <= index < len(events):
            return Invalid((Fault("index", f"it has {len(events)} events, counted from 0"),))
        checked = normalised.checked(event)
        if isinstance(checked, tuple):
            return Invalid(checked)
        changed = edited(detail, (*events[:index], checked, *events[index + 1 :]))
        return _received(await self._acts.edit(detail.relay.id, changed, by=by, force=force))

    async def discard(self, relay: str, *, by: str) -> Done | Refused:
        answer = await self._acts.discard(relay, by=by)
        return await self._missing(relay) if answer == "unknown" else _result(relay, answer, Status.DISCARDED)

    async def restore(self, relay: str, *, by: str) -> Done | Refused:
        answer = await self._acts.restore(relay, by=by)
        return await self._missing(relay) if answer == "unknown" else _result(relay, answer, Status.DEAD)

    async def _missing(self, relay: str) -> Refused:
        if await self._finder.spooled(relay) is None:
            return _unknown(relay)
        return Refused(f"it is {IN_SPOOL}; look again once the spool is drained")

    async def reveal(self, relay: str, *, by: str) -> RelayDetail | None:
        """All of a relay, for showing it unmasked: that is written down first."""
        detail = await self._finder.detail(relay)
        if detail is not None:
            await self._activity.note(by, "revealed", detail.relay.id)
        return detail

    # Issues ------------------------------------------------------------------------------------------

    async def try_one(self, issue: str, *, by: str, stale: bool = False) -> Done | Refused:
        """Retries the newest dead letter of an issue, to see whether the others would go."""
        found = await self._queries.issues.one(issue)
        if found is None or found.newest is None:
            return Refused(f"there is no dead letter of an issue {issue}", missing=True)
        done = await self.retry(found.newest, by=by, stale=stale)
        if isinstance(done, Done):
            await self._acts.try_with(issue, found.newest)
        return done

    async def mute(self, issue: str, *, by: str) -> Done | Refused:
        return _of_issue(issue, "muted", known=await self._acts.mute(issue, by=by))

    async def unmute(self, issue: str, *, by: str) -> Done | Refused:
        return _of_issue(issue, "listed", known=await self._acts.unmute(issue, by=by))

    # Destinations ------------------------------------------------------------------------------------

    async def pause(
        self, destination: str, *, by: str, endpoint: str = "all", reason: str = ""
    ) -> Done | Refused:
        """Until a person resumes it: nothing probes it meanwhile."""
        refusal = self._no_endpoint(destination, endpoint)
        if refusal:
            return refusal
        if await self._acts.pause(destination, endpoint, reason or f"paused by {by}", by=by):
            return Done("paused")
        return Refused("a person has paused it already")

    async def resume(self, destination: str, *, by: str, endpoint: str = "all") -> Done | Refused:
        refusal = self._no_endpoint(destination, endpoint)
        if refusal:
            return refusal
        if await self._acts.resume(destination, endpoint, by=by):
            return Done("running")
        return Refused("it is not paused")

    def _no_endpoint(self, destination: str, endpoint: str) -> Refused | None:
        if destination not in self._destinations:
            return Refused(f"there is no destination {destination!r}", missing=True)
        if endpoint not in ("all", *ENDPOINTS):
            return Refused(f"there is no endpoint {endpoint!r}; expected all, {', '.join(ENDPOINTS)}")
        return None


_QUEUED: Final = Status.QUEUED


def is_old(relay: Relay) -> bool:
    """Sending it would mail people about an old order."""
    return datetime.now(UTC) - times.from_ms(ids.moment_ms(relay.id)) > OLD


def _guard(relay: Relay, *, force: bool, stale: bool) -> Refused | None:
    if relay.status is Status.DISCARDED:
        return Refused("it is discarded; restore it first")
    if relay.status is Status.DELIVERED and not force:
        return Refused("it was delivered; sending it again may mail the customer twice", word="force")
    if is_old(relay) and not stale:
        hours = (datetime.now(UTC) - times.from_ms(ids.moment_ms(relay.id))) // timedelta(hours=1)
        return Refused(f"it is {hours} h old; sending it mails people about an old order", word="stale")
    return None


def _under_way(relay: Relay) -> str:
    if relay.status is Status.HELD:
        return f"it waits for {relay.destination}, and leaves by itself once that takes calls: {relay.reason}"
    return "it is queued already, and leaves by itself when its turn comes"


def stage_of(relay: Relay) -> Stage:
    """Where to run it again from: where it died."""
    return "normalise" if relay.stage == "normalise" else "deliver"


def events_of(detail: RelayDetail) -> tuple[normalised.Event, ...]:
    """Raises ValueError where they cannot be read any more."""
    return normalised.load((detail.reading or {}).get("events", []))


def _received(receipt: Receipt) -> Done | Refused:
    if receipt.status in ("being sent", Status.DISCARDED):
        return _result(receipt.id, receipt.status, _QUEUED)
    return Done(receipt.status, receipt.id)


def _result(relay: str, answer: str, status: Status) -> Done | Refused:
    if answer == "ok":
        return Done(status, relay)
    if answer == "unknown":
        return _unknown(relay)
    if answer == "being sent":
        return Refused("it is being sent this moment; look again in a few seconds")
    return Refused(_UNFIT.get((status, answer), f"it is {answer}; that cannot be done with it now"))


_UNFIT: Final[dict[tuple[str, str], str]] = {
    (Status.DISCARDED, Status.DELIVERED): "it was delivered; what was sent cannot be called back",
    (
        Status.DISCARDED,
        Status.IGNORED,
    ): "it is ignored: nothing is sent of it, so there is nothing to discard",
    (Status.DISCARDED, Status.DISCARDED): "it is discarded already",
    **{
        (Status.DEAD, status): f"it is {status}; only what was discarded can be restored" for status in Status
    },
}
"""What people are told, by the status they wanted and the one it has."""


def _unknown(relay: str) -> Refused:
    return Refused(f"there is no relay {relay}", missing=True)


def _of_issue(issue: str, status: str, *, known: bool) -> Done | Refused:
    return Done(status) if known else Refused(f"there is no issue {issue}", missing=True)
