"""Between the journal's records and what its scripts read and answer."""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from typing import Any, Final

from relay.journal import codec
from relay.journal.records import VERSION, BookEntry, Leased, Recording, Settlement
from relay.journal.titles import title_of
from relay.journal.vault import Vault

_BEFORE: Final = ("[", "~")
"""How parts of books begin that were written before they were compressed: in clear, or sealed."""


def digest(salt: bytes, email: str) -> str:
    if not email:
        return ""
    return hashlib.blake2b(email.strip().lower().encode(), key=salt, digest_size=9).hexdigest()


def meta(r: Recording, salt: bytes, vault: Vault) -> dict[str, Any]:
    return {
        "id": r.id,
        "source": r.source,
        "adapter": r.adapter,
        "dest": r.destination,
        "at": r.at_ms,
        "status": r.status,
        "reason": r.reason,
        "kinds": r.kinds,
        "endpoint": r.endpoint,
        "copy": r.copy,
        "delivery": r.delivery,
        "window": r.window_ms,
        "person": digest(salt, r.email),
        "order": r.order,
        "orders": [{"names": entry.names, "part": _part(entry, vault)} for entry in r.orders],
        "placed": "1" if r.places else "",
        "is_order": r.is_order,
        "v": VERSION,
        "stage": r.stage,
        "title": r.title or title_of(r.reason),
        "backfill": "1" if r.backfill else "",
    }


def _part(entry: BookEntry, vault: Vault) -> str:
    """As text, since scripts take it in JSON."""
    return b64encode(vault.seal(codec.squeeze(entry.part.encode()))).decode()


def part(told: str, vault: Vault) -> str:
    """The events in the part of a book, as JSON. Raises VaultShut."""
    if told[:1] in _BEFORE:
        return vault.open_text(told)
    return codec.expand(vault.open(b64decode(told))).decode()


def result(s: Settlement) -> dict[str, Any]:
    """As `to_json` takes it; what is None is left out, since Lua takes null for a value."""
    plain: dict[str, Any] = {
        "id": s.id,
        "token": s.token,
        "lane": s.lane,
        "source": s.source,
        "reason": s.reason,
        "attempts": s.attempts,
        "tries": s.tries,
        "in_lane": s.in_lane,
        "yields": s.yields,
        "overtaken": s.overtaken,
    }
    optional = {
        "status": s.status,
        "due": s.due_ms,
        "code": s.code,
        "done": s.done,
        "stage": s.stage,
        "title": s.title,
        "accepted": s.accepted,
        "unreserve": s.unreserve,
        "arrived": {"spent": s.arrived[0], "at": s.arrived[1]} if s.arrived else None,
        "version": {"book": s.version[0], "at": s.version[1]} if s.version else None,
        "refusal": {"endpoint": s.refusal.endpoint, "as": s.refusal.title} if s.refusal else None,
    }
    return plain | {key: value for key, value in optional.items() if value is not None}


def leased(found: list[Any]) -> Leased:
    relay, token, lane, fields, blob, books, since, last = found
    return Leased(
        id=relay.decode(),
        token=token,
        lane=lane.decode(),
        fields=pairs(fields),
        blob=blob,
        books=tuple((name.decode(), pairs(book)) for name, book in books),
        source_since_ms=int(since) if since else None,
        last_order_ms=int(last) if last else None,
    )


def pairs(flat: list[bytes]) -> dict[str, str]:
    """A Redis hash as it comes out of a script."""
    return {flat[i].decode(): flat[i + 1].decode() for i in range(0, len(flat), 2)}
