"""Numbers, times and other people's sentences, as the pages say them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from markupsafe import Markup

from relay.normalise import times
from relay.ops.figures import TrafficView
from relay.ops.pages.charts import bars

_PART: Final = r"[^\s@\"'<>(),;:=&]"
_EMAIL: Final = re.compile(rf"(?<!{_PART})({_PART}++)@({_PART}+)")
"""From where a word begins, and nothing given back: a long one is read once, not once for each letter."""
_DIFFERS: Final = re.compile(r"#(?:, #)*")
_STEPS: Final = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def number(value: int | None) -> str:
    """What is not known is never shown as 0."""
    return "unknown" if value is None else f"{value:,}"


def counted(value: int | None, one: str, many: str = "") -> str:
    """1 relay, 41 relays."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def span(seconds: float) -> str:
    """8 s, 4 min, 3 h, 2 days: as exact as a person needs."""
    for unit, size in _STEPS:
        if seconds >= size * (2 if unit == "day" else 1):
            whole = int(seconds // size)
            return f"{whole} {unit}{'s' if unit == 'day' else ''}"
    return "0 s"


def ago(moment: str | datetime, now: datetime | None = None) -> str:
    then = parsed(moment)
    seconds = ((now or datetime.now(UTC)) - then).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def clock(moment: str | datetime, now: datetime | None = None) -> str:
    """Of today the time, of other days the day as well. UTC; the script tells it in local time."""
    then, today = parsed(moment), (now or datetime.now(UTC)).date()
    if then.date() == today:
        return f"{then:%H:%M}"
    return f"{then:%-d %b %H:%M}" if then.year == today.year else f"{then:%-d %b %Y %H:%M}"


def exact(moment: str | datetime) -> str:
    return f"{parsed(moment):%Y-%m-%d %H:%M:%S} UTC"


def _time(moment: str | datetime, show: Callable[[datetime], str], kind: str) -> Markup:
    then = parsed(moment)
    return Markup('<time datetime="{}" title="{}" data-time="{}">{}</time>').format(
        times.z(then), exact(then), kind, show(then)
    )


def time_ago(moment: str | datetime | None) -> str | Markup:
    return _time(moment, ago, "ago") if moment else "never"


def time_at(moment: str | datetime | None) -> str | Markup:
    return _time(moment, clock, "at") if moment else "never"


def time_hour(moment: str | datetime) -> Markup:
    return _time(moment, lambda then: f"{then:%H:%M}", "hour")


def time_exact(moment: str | datetime | None) -> str | Markup:
    return _time(moment, lambda then: f"{then:%-d %b %H:%M:%S}", "exact") if moment else "never"


def parsed(moment: str | datetime) -> datetime:
    return moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)


def veiled(text: str | None) -> str:
    """Other people's words (an API's refusal, a note) with the addresses in them masked."""
    return _EMAIL.sub(lambda found: f"{found[1][:1]}•••@{found[2][:1]}•••", text or "")


def title(text: str) -> str:
    """An issue's, with what differs from one of its dead letters to the next left out."""
    return _DIFFERS.sub("…", veiled(text))


def size(count: int) -> str:
    """Of bytes: 512 B, 3.2 MB, 1.1 GB."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:  # noqa: PLR2004 - kilo
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"  # noqa: PLR2004


def sentence(text: str | None) -> str:
    """With a full stop at its end, and a capital at its head unless that is the name of a field."""
    bare = (text or "").strip()
    first = bare.partition(" ")[0]
    head = bare[:1].upper() if first.isalpha() and first.islower() else bare[:1]
    return f"{head}{bare[1:]}{'' if bare.endswith(('.', '!', '?')) else '.'}" if bare else ""


def duration(seconds: float | timedelta | None) -> str:
    if seconds is None:
        return "unknown"
    whole = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    return "less than a second" if whole < 1 else f"about {span(whole)}"


def waits(traffic: TrafficView) -> list[str]:
    """What a destination has before it, of each kind how many."""
    kinds = {
        "queued": traffic.queued,
        "retrying": traffic.retrying,
        "held by a pause": traffic.held,
        "waiting to know more": traffic.waiting,
        "being sent": traffic.sending,
    }
    return [f"{number(count)} {kind}" for kind, count in kinds.items() if count]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "number": number,
    "counted": counted,
    "ago": time_ago,
    "at": time_at,
    "exact": time_exact,
    "hour": time_hour,
    "veiled": veiled,
    "title": title,
    "sentence": sentence,
    "duration": duration,
    "bytes": size,
    "bars": bars,
    "waits": waits,
}
