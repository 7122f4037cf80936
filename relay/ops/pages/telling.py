"""What the overview says first: the most urgent thing, in a sentence, and what it means for the orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from markupsafe import Markup

from relay.journal.records import Status
from relay.ops.figures import DestinationView, PauseView, SourceView, StatsView, WorkerView
from relay.ops.pages.saying import counted, parsed, sentence, span, time_ago, time_at, veiled

Tone = Literal["good", "wait", "bad", "off", "unknown"]
FAILING: Final = 3
"""Failed tries in a row: more than a hiccup."""
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


@dataclass(frozen=True, slots=True)
class Now:
    """How things stand. What is not known while Redis is away is None."""

    stats: StatsView
    sources: Sequence[SourceView]
    destinations: Sequence[DestinationView]
    workers: Sequence[WorkerView] | None
    issues: int | None


def told(now: Now) -> tuple[Word, ...]:
    """Never empty; the most urgent first."""
    if now.stats.received is None:
        return (_away(now.stats),)
    urgent = (*_paused(now), *_dead(now), *_idle(now), *_failing(now), *_late(now))
    words = (*urgent, *_unbalanced(now), *_quiet(now))
    return words or (_normal(now),)


def _away(stats: StatsView) -> Word:
    waiting = counted(stats.spool, "postback")
    kept = f"; {waiting} wait{'s' if stats.spool == 1 else ''} on this machine" if stats.spool else ""
    return Word(
        "unknown",
        f"Redis cannot answer now{kept}",
        "Postbacks go on being taken, and are kept on this machine's disk. Calls go on, in order, when Redis"
        " is back. Until then the numbers are not known, and none is shown.",
    )


def _paused(now: Now) -> Iterable[Word]:
    for destination in now.destinations:
        for pause in destination.pauses or ():
            yield paused(destination, pause)


def paused(destination: DestinationView, pause: PauseView) -> Word:
    where = Markup("<em>{}</em>").format(destination.name)
    if pause.endpoint != "all":
        where += Markup(" (only {})").format(pause.endpoint)
    short, said = _short(veiled(pause.reason))
    because = f"paused by {pause.by}" if pause.manual else short
    says = Markup("{} {}: {} since {}").format(_holding(destination), where, because, time_at(pause.since))
    return Word(
        "bad",
        says,
        _ends(pause, said),
        f"Look at {destination.name}",
        f"/ops/destinations#{destination.name}",
    )


def holds(destination: DestinationView, endpoint: str | None = None) -> tuple[PauseView, ...]:
    """The pauses that keep calls from it: all there are, or those for what goes to `endpoint`."""
    pauses = destination.pauses or ()
    return tuple(pause for pause in pauses if endpoint is None or pause.endpoint in ("all", endpoint))


def shut(destination: DestinationView, pause: PauseView) -> Word:
    """What becomes of a relay that is sent to it now."""
    where = Markup("<em>{}</em>").format(destination.name)
    part = "" if pause.endpoint == "all" else f" for {pause.endpoint}"
    because = f"by {pause.by}" if pause.manual else _short(veiled(pause.reason))[0]
    held = "What is sent again" if pause.endpoint == "all" else f"What of it goes to {pause.endpoint}"
    return Word(
        "wait",
        Markup("{} is paused{} since {}: {}").format(where, part, time_at(pause.since), because),
        f"{held} is held, and leaves in order once it is open.",
        f"Look at {destination.name}",
        f"/ops/destinations#{destination.name}",
    )


def _holding(destination: DestinationView) -> str:
    held = destination.traffic.held if destination.traffic else None
    if held == 0:
        return "Nothing waits yet for"
    return f"Holding {'relays' if held is None else counted(held, 'relay')} for"


def _ends(pause: PauseView, said: str) -> str:
    kept = "Nothing is lost: what waits is kept, and leaves in order"
    if pause.manual:
        why = "" if pause.reason == f"paused by {pause.by}" else sentence(veiled(pause.reason))
        return f"{why} {kept} once somebody resumes it.".strip()
    asks = Markup(" The relay asks again {}.").format(time_ago(pause.next_probe)) if pause.next_probe else ""
    return Markup("{} {} as soon as it may.{}").format(said, kept, asks).strip()


_REASON: Final = re.compile(r"(?P<short>[^(;]+?)(?: \((?P<said>.*)\))?(?:; (?P<advice>.*))?")


def _short(reason: str) -> tuple[str, str]:
    """The first words of one like: the key was refused (401: not valid); look at api_key. Then the rest."""
    found = _REASON.fullmatch(reason)
    if found is None:
        return reason, ""
    said = f"It said {found['said']}." if found["said"] else ""
    return found["short"], f"{said} {sentence(found['advice'])}".strip()


def _dead(now: Now) -> Iterable[Word]:
    dead = now.stats.counts[Status.DEAD]
    if dead:
        verb = "is dead and waits" if dead == 1 else "are dead and wait"
        why = f", for {counted(now.issues, 'reason')}" if now.issues and dead > 1 else ""
        more = "They are kept and can be sent again. All other relays go on."
        yield Word(
            "bad",
            f"{counted(dead, 'relay')} {verb} for a person{why}",
            more,
            "Look at the issues",
            "/ops/issues",
        )


def _idle(now: Now) -> Iterable[Word]:
    if now.workers is not None and not now.workers:
        waiting = (now.stats.counts[Status.QUEUED] or 0) + (now.stats.counts[Status.RETRYING] or 0)
        says = "No worker is running" + (f", so {counted(waiting, 'relay')} wait" if waiting else "")
        more = Markup("Postbacks are taken and kept. Start <code>relay work</code>, and they leave in order.")
        yield Word("bad" if waiting else "wait", says, more)


def _failing(now: Now) -> Iterable[Word]:
    for destination in now.destinations:
        traffic = destination.traffic
        if not traffic or destination.pauses or not traffic.retrying or traffic.failures < FAILING:
            continue
        where = Markup("<em>{}</em>").format(destination.name)
        since = Markup(" since {}").format(time_at(traffic.failing_since)) if traffic.failing_since else ""
        yield Word(
            "wait",
            Markup("{} takes nothing{}; {} tried again").format(where, since, _are(traffic.retrying)),
            f"The last {traffic.failures:,} tries failed. Nothing is lost: what waits is tried again by"
            " itself, for days, and leaves in order.",
            "Look at what was answered",
            f"/ops/relays?filter=status:retrying+destination:{destination.name}",
        )


def _are(relays: int) -> str:
    return f"{counted(relays, 'relay')} {'is' if relays == 1 else 'are'}"


def _late(now: Now) -> Iterable[Word]:
    held = any(destination.pauses for destination in now.destinations)
    if now.stats.oldest_due is None or held or not now.workers:
        return
    late = datetime.now(UTC) - parsed(now.stats.oldest_due)
    if late > LATE:
        says = f"Relays leave late: the oldest has waited {span(late.total_seconds())}"
        more = "They are kept, and leave in order. The destination's budget tells how fast."
        yield Word("wait", says, more, "Look at the budget", "/ops/destinations")


def _quiet(now: Now) -> Iterable[Word]:
    for source in now.sources:
        if source.silent_since is None:
            continue
        says = Markup("<em>{}</em> sends nothing since {}, against its habit").format(
            source.name, time_at(source.silent_since)
        )
        more = "Does the platform still send, and to the right URL? What comes is taken as ever."
        yield Word("wait", says, more, f"Look at {source.name}", f"/ops/sources#{source.name}")


def _unbalanced(now: Now) -> Iterable[Word]:
    if not now.stats.balanced:
        yield Word("bad", "The sum below does not hold", "It always should. Please report it.")


def _normal(now: Now) -> Word:
    if not now.stats.received:
        more = "Paste a source's URL into your platform, or send a test to see one come in."
        return Word("good", "Ready; nothing was received yet", more, "Show the URLs", "/ops/sources")
    accepted = [d.traffic.last_accepted for d in now.destinations if d.traffic and d.traffic.last_accepted]
    last = max(accepted, default=None)
    return Word(
        "good",
        "Relaying normally",
        Markup("The last call was accepted {}.").format(time_ago(last)) if last else "",
    )
