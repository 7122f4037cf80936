"""Signed things: the session cookie, the note shown after an act, and each form's token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from relay.ops.access.people import Person

SESSION: Final = timedelta(hours=12)
"""Since the last look; a session that is looked at goes on."""

RENEWED: Final = timedelta(minutes=30)
_HMAC: Final = {"key_derivation": "hmac", "digest_method": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Session:
    """`mark` is the session's own; `stamp` changes with the person's role or password, and ends it."""

    name: str
    stamp: str
    mark: str
    age: timedelta = timedelta(0)

    @property
    def ageing(self) -> bool:
        return self.age > RENEWED


class Signer:
    """Each use has its own key, derived from the one secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._sessions = URLSafeTimedSerializer(secret, salt="relay.session", signer_kwargs=_HMAC)
        self._notes = URLSafeSerializer(secret, salt="relay.note", signer_kwargs=_HMAC)

    def session(self, person: Person, mark: str | None = None) -> str:
        return str(self._sessions.dumps([person.name, self.stamp(person), mark or secrets.token_urlsafe(12)]))

    def read_session(self, cookie: str) -> Session | None:
        try:
            (name, stamp, mark), moment = self._sessions.loads(
                cookie, max_age=int(SESSION.total_seconds()), return_timestamp=True
            )
        except (BadSignature, ValueError, TypeError):
            return None
        return Session(name, stamp, mark, timedelta(seconds=time.time() - moment.timestamp()))

    def stamp(self, person: Person) -> str:
        return self._digest("stamp", f"{person.role}:{person.proof}")[:22]

    def form_token(self, identity: str) -> str:
        return self._digest("form", identity)

    def is_form_token(self, identity: str, shown: str) -> bool:
        return hmac.compare_digest(self.form_token(identity).encode(), shown.encode())

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
