"""Signed things: the session cookie, the note shown after an act, and each form's token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from itsdangerous import BadSignature, TimestampSigner, URLSafeSerializer, URLSafeTimedSerializer

from relay.ops.access.people import Person

Clock = Callable[[], float]

SESSION: Final = timedelta(hours=12)
"""Since the last look; a session that is looked at goes on."""

LONGEST: Final = timedelta(days=7)
"""Of a session, however often it is looked at: a copied cookie is no key for good."""

BEGUN: Final = timedelta(minutes=10)
"""For somebody to come back from a provider."""

RENEWED: Final = timedelta(minutes=30)
_HMAC: Final = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Session:
    """`mark` is the session's own; `stamp` changes with the person's role or password, and ends it.

    `began` is in seconds, `age` since the cookie was written; `role` is that of somebody whom a provider
    vouched for, "" of those who are listed here.
    """

    name: str
    stamp: str
    mark: str
    began: int
    role: str = ""
    age: timedelta = timedelta(0)

    @property
    def ageing(self) -> bool:
        return self.age > RENEWED


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that is on its way to a provider. What the browser keeps is no key to the three."""

    mark: str
    wanted: str
    state: str
    nonce: str
    verifier: str


class _Stamper(TimestampSigner):
    def __init__(self, *keys: Any, clock: Clock, **options: Any) -> None:
        super().__init__(*keys, **options)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock())


class Signer:
    """Each use has its own key, derived from the one secret."""

    def __init__(self, secret: str, clock: Clock = time.time) -> None:
        self._secret = secret.encode()
        self._clock = clock
        timed = {**_HMAC, "clock": clock}
        self._sessions = URLSafeTimedSerializer(
            secret, salt="relay.session", signer=_Stamper, signer_kwargs=timed
        )
        self._begun = URLSafeTimedSerializer(secret, salt="relay.begun", signer=_Stamper, signer_kwargs=timed)
        self._notes = URLSafeSerializer(secret, salt="relay.note", signer_kwargs=_HMAC)

    def session(self, person: Person, *, vouched: bool = False) -> str:
        """The cookie of a new session."""
        mark, began = secrets.token_urlsafe(12), int(self._clock())
        role = person.role if vouched else ""
        return self.renewed(Session(person.name, self.stamp(person), mark, began, role))

    def renewed(self, session: Session) -> str:
        said = [session.name, session.stamp, session.mark, session.began, session.role]
        return str(self._sessions.dumps(said))

    def read_session(self, cookie: str) -> Session | None:
        try:
            (name, stamp, mark, began, role), moment = self._sessions.loads(
                cookie, max_age=int(SESSION.total_seconds()), return_timestamp=True
            )
        except (BadSignature, ValueError, TypeError):
            return None
        age = timedelta(seconds=self._clock() - moment.timestamp())
        return Session(name, stamp, mark, began, role, age)

    def lasts(self, session: Session, longest: timedelta) -> bool:
        return self._clock() - session.began <= longest.total_seconds()

    def begin(self, wanted: str) -> tuple[str, Begun]:
        """The cookie of a sign-in that sets out for a provider, and what it sets out with."""
        mark = secrets.token_urlsafe(16)
        return str(self._begun.dumps([mark, wanted])), self._begun_of(mark, wanted)

    def begun(self, cookie: str) -> Begun | None:
        try:
            mark, wanted = self._begun.loads(cookie, max_age=int(BEGUN.total_seconds()))
        except (BadSignature, ValueError, TypeError):
            return None
        return self._begun_of(mark, wanted)

    def _begun_of(self, mark: str, wanted: str) -> Begun:
        state, nonce, verifier = (self._digest(use, mark) for use in ("state", "nonce", "verifier"))
        return Begun(mark, wanted, state, nonce, verifier)

    def stamp(self, person: Person) -> str:
        return self._digest("stamp", f"{person.role}:{person.proof}")[:22]

    def form_token(self, identity: str) -> str:
        return self._digest("form", identity)

    def is_form_token(self, identity: str, shown: str) -> bool:
        return hmac.compare_digest(self.form_token(identity).encode(), shown.encode())

    def digest(self, text: str) -> str:
        """Tells nobody without the secret what it is of."""
        return self._digest("digest", text)

    def note(self, note: Any) -> str:
        return str(self._notes.dumps(note))

    def read_note(self, cookie: str) -> Any:
        try:
            return self._notes.loads(cookie)
        except BadSignature:
            return None

    def _digest(self, use: str, text: str) -> str:
        key = hmac.digest(self._secret, f"relay.{use}".encode(), "sha256")
        return hmac.new(key, text.encode(), "sha256").hexdigest()
