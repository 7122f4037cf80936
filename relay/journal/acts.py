"""What people do. Each act and its entry of the activity are written in the same script."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from relay.journal.activity import entry
from relay.journal.journal import PROBE, PROBE_MOST, Journal
from relay.journal.records import Receipt, Recording
from relay.normalise import times

_DONE: Final = {"retry": "retried", "discard": "discarded", "restore": "restored"}


class Acts:
    """Of relays: "ok" when done, else the status that does not fit, "being sent", or "unknown"."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def retry(self, relay: str, *, by: str, force: bool = False, backfill: bool = False) -> str:
        """Queues a relay again, composed anew. With `backfill` it goes behind what is live, evenly spaced."""
        detail = "forced" if force else ""
        return (await self._act("retry", [relay], by, detail, force=force, backfill=backfill))[0]

    async def discard(self, relay: str, *, by: str) -> str:
        return (await self._act("discard", [relay], by, reason=f"discarded by {by}"))[0]

    async def restore(self, relay: str, *, by: str) -> str:
        return (await self._act("restore", [relay], by, reason=f"restored by {by}"))[0]

    async def retry_all(self, relays: Sequence[str], *, by: str, replay: str) -> list[str]:
        """As part of a replay, which is the activity: behind what is live, and marked as the replay's."""
        return await self._act("retry", relays, by, log=False, backfill=True, replay=replay)

    async def discard_all(self, relays: Sequence[str], *, by: str, replay: str) -> list[str]:
        reason = f"discarded by {by}"
        return await self._act("discard", relays, by, log=False, reason=reason, replay=replay)

    async def _act(
        self, verb: str, relays: Sequence[str], by: str, detail: str = "", *, log: bool = True, **options: Any
    ) -> list[str]:
        activity = entry(by, _DONE[verb], on=relays[0], detail=detail) if log else ""
        told = {"ids": list(relays), "by": by, "what": _DONE[verb], **options}
        return [answer.decode() for answer in await self._journal.operate(verb, told, activity)]

    async def map_again(
        self, relay: str, recording: Recording, *, by: str, force: bool = False, replay: str = ""
    ) -> Receipt:
        """Replaces what was read out of a relay, an edit included, and runs it from there."""
        what = "mapped again"
        activity = "" if replay else entry(by, what, on=relay, detail="forced" if force else "")
        how = {"by": by, "what": what, "activity": activity, "replay": replay}
        how |= {"backfill": "1"} if replay else {}
        return await self._journal.record_again(relay, recording, how | _forced(force=force))

    async def edit(self, relay: str, recording: Recording, *, by: str, force: bool = False) -> Receipt:
        """Replaces what was read out of a relay by what a person wrote."""
        how = {"by": by, "what": "edited", "activity": entry(by, "edited", on=relay), "edited": "1"}
        return await self._journal.record_again(relay, recording, how | _forced(force=force))

    async def mute(self, issue: str, *, by: str) -> bool:
        """Whether there is such an issue. A muted one raises no alert."""
        value = json.dumps({"by": by, "at": times.now_ms()})
        return await self._mark(issue, "muted", value, entry(by, "muted", on=issue))

    async def unmute(self, issue: str, *, by: str) -> bool:
        return await self._mark(issue, "muted", None, entry(by, "unmuted", on=issue))

    async def try_with(self, issue: str, relay: str) -> bool:
        """Remembers which relay is retried to see whether the issue is mended."""
        return await self._mark(issue, "trial", relay, "")

    async def _mark(self, issue: str, field: str, value: str | None, activity: str) -> bool:
        options = {"issue": issue, "field": field, **({"value": value} if value is not None else {})}
        answer: bytes = await self._journal.operate("mark_issue", options, activity)
        return answer == b"ok"

    async def pause(self, destination: str, endpoint: str, reason: str, *, by: str) -> bool:
        """Stops an endpoint ("all": the whole destination) until a person resumes it; False where one has."""
        options = {
            "dest": destination,
            "endpoint": endpoint,
            "probe_ms": times.in_ms(PROBE),
            "probe_most_ms": times.in_ms(PROBE_MOST),
            "pause": {"reason": reason, "by": by, "manual": True},
        }
        on = destination if endpoint == "all" else f"{destination} {endpoint}"
        answer: bytes = await self._journal.operate("pause", options, entry(by, "paused", on, reason))
        return answer == b"ok"

    async def resume(self, destination: str, endpoint: str, *, by: str) -> bool:
        """Whether it was paused."""
        on = destination if endpoint == "all" else f"{destination} {endpoint}"
        options = {"dest": destination, "endpoint": endpoint, "trial": False, "by_hand": True}
        answer: bytes = await self._journal.operate("resume", options, entry(by, "resumed", on))
        return answer == b"ok"


def _forced(*, force: bool) -> dict[str, str]:
    return {"force": "1"} if force else {}
