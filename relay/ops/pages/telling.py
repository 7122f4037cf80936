"""What the overview says first: the most urgent thing, in a sentence, and what happens next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from markupsafe import Markup

from relay.journal.records import Pause, Status
from relay.normalise import times
from relay.ops.pages.saying import counted, parsed, sentence, span, time_ago, time_at, veiled

Tone = Literal["good", "wait", "bad", "unknown"]
LATE: Final = timedelta(minutes=2)
"""A relay that waits longer although nothing is paused: somebody should know."""


@dataclass(frozen=True, slots=True)
class Word:
    """`says` is the sentence, `more` what it means for the orders, `door` where to go."""

    tone: Tone
    says: str
    more: str = ""
    door: str = ""
    href: str = ""


def told(stats: Mapping[str, Any], pauses: Mapping[tuple[str, str], Pause]) -> tuple[Word, ...]:
    """Never empty; the most urgent first."""
    if stats["received"] is None:
        return (_away(stats["spool"]),)
    words = (*_paused(stats, pauses), *_dead(stats), *_late(stats, pauses), *_unbalanced(stats))
    return words or (_normal(stats),)


def _away(spool: int | None) -> Word:
    kept = f"{counted(spool, 'postback')} wait on this machine" if spool else "nothing was sent to it since"
    return Word(
        "unknown",
        f"Redis cannot answer now; {kept}",
        "Postbacks go on being taken and are kept on this machine's disk. Calls go on, in order, when Redis"
        " is back. Until then the numbers below are not known.",
    )


def _paused(stats: Mapping[str, Any], pauses: Mapping[tuple[str, str], Pause]) -> Iterable[Word]:
    held = stats["counts"][Status.HELD]
    for index, ((destination, endpoint), pause) in enumerate(pauses.items()):
        what = counted(held, "relay") if not index and held else "relays"
        where = Markup("<em>{}</em>").format(destination)
        if endpoint != "all":
            where += Markup(" (only {})").format(endpoint)
        since = time_at(times.from_ms(pause.since_ms))
        short, said = _short(veiled(pause.reason))
        says = Markup("Holding {} for {}: {} since {}").format(what, where, short, since)
        more = f"{said} Nothing is lost: what waits is kept, and leaves in order once it may.".strip()
        yield Word("bad", says, more, f"Look at {destination}", f"/ops/destinations#{destination}")


def _short(reason: str) -> tuple[str, str]:
    """The reason in a few words, and all of it where that is more."""
    short = reason.partition(" (")[0].partition(";")[0]
    return short, "" if short == reason else sentence(reason)


def _dead(stats: Mapping[str, Any]) -> Iterable[Word]:
    dead = stats["counts"][Status.DEAD]
    if dead:
        verb = "is dead and waits" if dead == 1 else "are dead and wait"
        says = f"{counted(dead, 'relay')} {verb} for a person"
        more = "They are kept and can be sent again. All other relays go on."
        yield Word("bad", says, more, "Look at the dead", "/ops/relays?filter=status:dead")


def _late(stats: Mapping[str, Any], pauses: Mapping[tuple[str, str], Pause]) -> Iterable[Word]:
    due = stats["oldest_due"]
    if due is None or pauses:
        return
    late = datetime.now(UTC) - parsed(due)
    if late > LATE:
        says = f"Relays leave late: the oldest has waited {span(late.total_seconds())}"
        yield Word("wait", says, "They are kept. Is a worker running, and is the budget large enough?")


def _unbalanced(stats: Mapping[str, Any]) -> Iterable[Word]:
    if not stats["balanced"]:
        yield Word("bad", "The sum below does not hold", "It should always. Please report it.")


def _normal(stats: Mapping[str, Any]) -> Word:
    if not stats["received"]:
        return Word("good", "Ready: nothing was received yet")
    last = stats.get("last_accepted")
    return Word(
        "good", "Relaying normally", Markup("Last accepted {}.").format(time_ago(last)) if last else ""
    )
