"""What lies in the journal, as people look at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from relay.journal.records import Pause, Relay, Status
from relay.normalise import times

_ACTIVE: Final = (Status.QUEUED, Status.RETRYING)
_TO_BE_TRIED: Final = (*_ACTIVE, Status.HELD)


def relay_of(relay: str, fields: Mapping[str, str], pauses: Mapping[tuple[str, str], Pause]) -> Relay:
    due = fields.get("due") if fields["status"] in _TO_BE_TRIED else None
    found = Relay(
        id=relay,
        source=fields["source"],
        adapter=fields["adapter"],
        destination=fields["dest"],
        endpoint=fields["endpoint"],
        status=Status(fields["status"]),
        reason=fields.get("reason", ""),
        received_at=times.z(times.from_ms(int(fields["at"]))),
        kinds=tuple(kind for kind in fields["kinds"].split(",") if kind),
        order=fields.get("order"),
        attempts=int(fields.get("attempts", 0)),
        tries=int(fields.get("tries", 0)),
        copies=int(fields.get("copies", 0)),
        code=int(fields["code"]) if "code" in fields else None,
        stage=fields.get("stage"),
        issue=fields.get("issue") if fields["status"] == Status.DEAD else None,
        replay=fields.get("replay"),
        edited="edited" in fields,
        next_try=times.z(times.from_ms(int(float(due)))) if due else None,
        changed_at=times.z(times.from_ms(int(fields["changed"]))) if "changed" in fields else None,
    )
    pause = pauses.get((found.destination, "all")) or pauses.get((found.destination, found.endpoint))
    if pause and found.status in _ACTIVE:
        return replace(found, status=Status.HELD, reason=pause.reason, next_try=None)
    return found


def pause_of(endpoint: str, said: Mapping[str, Any]) -> Pause:
    return Pause(
        endpoint=endpoint,
        reason=said["reason"],
        since_ms=int(said["since"]),
        by=said["by"],
        probe_at_ms=int(said["probe_at"]),
        code=said.get("code"),
        manual=bool(said.get("manual")),
    )


def by_source(totals: Mapping[str, str]) -> dict[str, dict[str, int]]:
    words = ("received", "copies", "overtaken", *Status)
    sources: dict[str, dict[str, int]] = {}
    for key, value in totals.items():
        source, _, word = key.rpartition(":")
        sources.setdefault(source, {str(w): 0 for w in words})[word] = int(value)
    return sources


def hold(
    counts: dict[Status, int], active: Mapping[str, str], pauses: Mapping[tuple[str, str], Pause]
) -> None:
    for key, value in active.items():
        destination, endpoint, status = key.rsplit(":", 2)
        if (destination, "all") in pauses or (destination, endpoint) in pauses:
            counts[Status(status)] -= int(value)
            counts[Status.HELD] += int(value)
