"""Every error this service raises on purpose, and what happens next.

RelayError
├── SettingsError            stops the start: one message, naming the key
├── SignatureWrong           answered like a wrong token, nothing stored
├── PostbackError            recorded and dead at once (or refused to a sender who can mend it)
│   ├── Malformed            the bytes cannot be read
│   │   └── AdapterBroke     the adapter failed on them: never refused, always dead
│   ├── Unsupported          readable, but no word we know says what happened
│   └── Unmappable           understood, but a field is missing or wrong; names the field
├── JournalAway              Redis cannot take the write now: the spool takes it
├── VaultShut                something was sealed with a key that is not at hand: stops the start
├── SpoolFull                the local disk cannot take it either: 503, the sender keeps it
├── PullError                the platform did not give what was asked of it
│   ├── PullLater            asked again, with a growing pause: network, 429, 5xx
│   └── PullRefused          ends the command: credentials, address, permission
├── TooLate                  a call did not leave in time: its reservation is made anew
└── AttemptError             one call was tried and not accepted
    ├── TryAgain             retry by the schedule: network, timeout, 408, 5xx
    ├── SlowDown             429: the whole destination waits; costs no attempt
    ├── KeyRefused           401: pauses the destination; costs no attempt
    ├── EndpointRefused      403, 404, 405, 3xx, HTML: pauses that endpoint; costs no attempt
    └── CallRefused          any other permanent answer: dead-letter, in the API's words
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Final, Self


class RelayError(Exception):
    """The root; never raised itself."""


class SettingsError(RelayError):
    """A setting is wrong. Stops the start."""


class SignatureWrong(RelayError):
    """A request that its sender's secret did not sign. `str()` says why, for the operator's log alone."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a postback: where in it, and what to do about it."""

    path: tuple[str | int, ...]
    reason: str

    @property
    def field(self) -> str:
        return ".".join(map(str, self.path))


MOST_FAULTS: Final = 100
"""What is wrong throughout is told by its first faults: a catalog may have tens of thousands."""
_FAULTS_SAID: Final = 5


class PostbackError(RelayError):
    """A postback that cannot become an event. It stays recorded; its relay is dead until mapped again.

    `faults` are all that were found, the first of them told by `field` and `reason`.
    """

    word: ClassVar[str]

    def __init__(self, reason: str, *, field: str | None = None, faults: Sequence[Fault] = ()) -> None:
        self.reason = reason
        self.field = field
        self.faults = tuple(faults) or (Fault((field,) if field else (), reason),)
        said = [f"{f.field}: {f.reason}" if f.path else f.reason for f in self.faults[:_FAULTS_SAID]]
        more = len(self.faults) - len(said)
        super().__init__("; ".join([*said, *([f"and {more} more"] if more else [])]))


class Malformed(PostbackError):
    """Not UTF-8, cut JSON, a JSON array, too deep: the sender's fault in the bytes."""

    word = "malformed"


class AdapterBroke(Malformed):
    """The adapter raised what it may not: our fault, so that no sender is told to mend it."""


class Unsupported(PostbackError):
    """Nothing known says what happened. Never taken for a sale."""

    word = "unsupported"


class Unmappable(PostbackError):
    """What happened is clear, but a needed field is missing or makes no sense."""

    word = "unmappable"

    def __init__(self, field: str, reason: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(reason, field=field, faults=faults)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> Self:
        """Every fault at once, up to MOST_FAULTS; there must be one."""
        more = [Fault((), "there are more faults than these")] if len(faults) > MOST_FAULTS else []
        return cls(faults[0].field, faults[0].reason, faults=[*faults[:MOST_FAULTS], *more])


class JournalAway(RelayError):
    """Redis is down, loading, read-only, full or slower than the deadline."""


class VaultShut(RelayError):
    """What is asked for was sealed with a key that `[encryption]` lacks, or has another secret of."""

    def __init__(self, key: str, *, wrong: bool = False) -> None:
        self.key = key
        said = "has another secret than the one it was sealed with" if wrong else "is not in [encryption]"
        super().__init__(f"it is sealed, and the key {key!r} {said}; set it as it was")


class SpoolFull(RelayError):
    """The spool on local disk cannot take a postback: the disk is full, or the file cannot be written."""


class PullError(RelayError):
    """A platform's API was asked and gave no answer that can be used. The message names no credential."""


class PullLater(PullError):
    """Busy or unreachable. Asked again a few times, then the command ends."""


class PullRefused(PullError):
    """Wrong credentials, an address not allowed, a missing permission: asking again changes nothing."""


class TooLate(RelayError):
    """A call was not sent, since so long after its reservation it might be too many for the destination."""


class AttemptError(RelayError):
    """One HTTP try that the destination did not accept. `code` is the HTTP status, None without an answer."""

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


class TryAgain(AttemptError):
    """Network trouble, 408 or 5xx: the schedule says when."""


class SlowDown(AttemptError):
    """429. `after` is what the destination asked for, None where it did not say."""

    def __init__(self, reason: str, *, code: int | None = None, after: timedelta | None = None) -> None:
        super().__init__(reason, code=code)
        self.after = after


class KeyRefused(AttemptError):
    """401: the key is missing, wrong or revoked. The destination pauses; no order is to blame."""


class EndpointRefused(AttemptError):
    """403, 404, 405, a redirect or an HTML page: this endpoint cannot be used with this key or URL."""


class CallRefused(AttemptError):
    """The destination read the call and will never take it as it is."""
