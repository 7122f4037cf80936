"""A call goes out: reserved within the budget, and gone while its reservation holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from relay.compose.calls import Call
from relay.deliver.client import Answer
from relay.deliver.departure import Departure
from relay.deliver.lease import Lease, Stopped
from relay.errors import TooLate
from relay.journal.journal import LEAVE
from relay.journal.records import Reservation, Verdict
from relay.tasks import patiently

SHORT_WAIT: Final = 1_200
"""Milliseconds that are waited out under the lease: the second's limit. Longer, and the relay is put back."""


async def send(lease: Lease, call: Call, reservation: Reservation) -> Answer | None:
    """The answer that accepted it; None where its meaning went out before."""
    while True:
        reserved = await _reserve(lease, reservation)
        if reserved is None:
            return None
        departure, at_ms, spent = reserved
        try:
            return await lease.to.client.post(call.path, call.content, departure)
        except TooLate:
            reservation = replace(reservation, instead=spent)
        finally:
            lease.arrived = (spent, at_ms + departure.arrived_ms)


async def _reserve(lease: Lease, reservation: Reservation) -> tuple[Departure, int, int] | None:
    """When the call may leave, the moment that was written down, and what it spent.

    None where its meaning went out before.
    """
    while True:
        departure, (verdict, when_ms, spent) = await patiently(
            lambda: _ask_to_send(lease, reservation), stopping=lease.stopping
        )
        if verdict == "ok":
            return departure, when_ms, spent
        if verdict == "sent":
            return None
        if verdict == "fenced":
            raise Stopped
        wait_ms = when_ms - lease.now_ms()
        if verdict == "busy":
            await lease.put_back(min(when_ms, lease.now_ms() + SHORT_WAIT))
        if verdict == "stale" or wait_ms > SHORT_WAIT or wait_ms <= 0:
            await lease.put_back(when_ms)
        await asyncio.sleep(wait_ms / 1000)


async def _ask_to_send(lease: Lease, reservation: Reservation) -> tuple[Departure, Verdict]:
    """With a short lease the call leaves sooner, since by its end it may have become another's."""
    departure = Departure(min(LEAVE, lease.to.lease / 2))
    verdict = await lease.journal.reserve(lease.to.name, lease.to.limits, reservation, lease=lease.to.lease)
    return departure, verdict
