"""A call was not accepted: the error says what happens next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import structlog

from relay.compose.calls import Call
from relay.deliver.lease import Lease
from relay.errors import AttemptError, CallRefused, EndpointRefused, KeyRefused, SlowDown, TryAgain
from relay.journal.records import Refusal, Reservation, Status
from relay.journal.titles import title_of
from relay.normalise import times

log: Final = structlog.get_logger()

SLOW_DEFAULT: Final = timedelta(seconds=10)
"""After a 429 that does not say how long."""

SLOW_LEAST: Final = timedelta(seconds=1)
"""After one that asks for no wait at all, as where the destination's clock goes behind."""

SLOW_MOST: Final = timedelta(minutes=15)
"""A longer Retry-After is a pause, with probes, rather than a silent wait."""

RATE_LIMIT: Final = "rate limit"
"""Who paused a destination that asked for a longer wait."""

_WORDS: Final[dict[type[AttemptError], str]] = {
    TryAgain: "failed",
    SlowDown: "slowed down",
    KeyRefused: "key refused",
    EndpointRefused: "endpoint refused",
    CallRefused: "refused",
}


async def failed(lease: Lease, call: Call, reservation: Reservation, error: AttemptError) -> None:
    outcome = _WORDS[type(error)]
    lease.meter.attempt(lease.to.name, outcome, error.code)
    log.warning(
        "attempt.failed",
        relay=lease.relay.id,
        destination=lease.to.name,
        endpoint=call.endpoint,
        outcome=outcome,
        code=error.code,
    )
    entry = lease.tried(call, outcome, code=error.code, error=error.reason)
    match error:
        case TryAgain():
            await _try_again(lease, call, reservation, error, entry)
        case SlowDown():
            await _slow_down(lease, error)
            await _release(lease, reservation, entry, error.code)
        case KeyRefused():
            await _pause(lease, "all", error)
            await _release(lease, reservation, entry, error.code)
        case EndpointRefused():
            await _pause(lease, call.endpoint, error)
            await _release(lease, reservation, entry, error.code)
        case CallRefused() | AttemptError():
            title = title_of(error.reason, call.personal)
            await lease.dead(
                error.reason,
                title=title,
                attempts=1,
                code=error.code,
                unreserve=reservation,
                history=entry,
                refusal=Refusal(call.endpoint, title),
            )


async def _try_again(
    lease: Lease, call: Call, reservation: Reservation, error: AttemptError, entry: dict[str, Any]
) -> None:
    tries = int(lease.relay.fields.get("tries", 0)) + 1
    wait = lease.to.schedule.after(tries)
    common: dict[str, Any] = {
        "attempts": 1,
        "tries": 1,
        "code": error.code,
        "unreserve": reservation,
        "history": entry,
    }
    if wait is None:
        title = f"gave up; the last: {title_of(error.reason, call.personal)}"
        await lease.dead(f"gave up after {tries} tries; the last: {error.reason}", title=title, **common)
    await lease.settle(
        status=Status.RETRYING,
        reason=error.reason,
        due_ms=lease.now_ms() + times.in_ms(wait),
        yields=call.endpoint == "checkouts",  # a checkout never blocks an order
        **common,
    )


async def _slow_down(lease: Lease, error: SlowDown) -> None:
    after = SLOW_DEFAULT if error.after is None else max(error.after, SLOW_LEAST)
    if after <= SLOW_MOST:
        await lease.journal.slow_down(lease.to.name, after)
        return
    reason = f"the destination asks to wait {after}; probing meanwhile"
    await _pause(lease, "all", error, reason=reason, by=RATE_LIMIT, probe=SLOW_MOST)


async def _pause(
    lease: Lease, endpoint: str, error: AttemptError, *, reason: str = "", by: str = "its answer", **more: Any
) -> None:
    fresh = await lease.journal.pause(
        lease.to.name, endpoint, reason or error.reason, by=by, code=error.code, **more
    )
    if fresh:  # fifty calls may have been under way
        log.error("destination.paused", destination=lease.to.name, endpoint=endpoint, code=error.code)


async def _release(lease: Lease, reservation: Reservation, entry: dict[str, Any], code: int | None) -> None:
    """Back to its place, with no attempt spent: the trouble was not the relay's."""
    await lease.settle(
        yields=reservation.endpoint == "checkouts",
        status=lease.waiting_status(),
        due_ms=lease.now_ms(),
        unreserve=reservation,
        history=entry,
        code=code,
    )
