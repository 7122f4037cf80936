"""Editing a normalised event: as fields or as JSON, checked by the models of adapters, and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from relay.journal.records import Relay, RelayDetail, Status
from relay.normalise import events as normalised
from relay.normalise import money
from relay.ops.core import Invalid, Refused
from relay.ops.desk import Desk
from relay.ops.pages.diff import compared
from relay.ops.pages.doors import Door, Missing, act, look
from relay.ops.pages.masking import DOTS, Veil, half_masked, unmasked
from relay.ops.pages.relays import LIST
from relay.ops.pages.saying import sentence
from relay.ops.pages.seen import pretty
from relay.ops.pages.shell import Shell, Visit

_HALF: Final = f"still holds {DOTS}; write all of it, or reveal it first"
_WHOLE: Final = re.compile(r"-?\d{1,18}")
_ASKED_FOR: Final = ("currency", "total_minor", "customer.email", "ordered_at")
"""Of an order, offered even where the event does not say them."""


@dataclass(frozen=True, slots=True)
class Field:
    path: str
    value: str
    hint: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The event that is edited, and the relay it was read for."""

    relay: Relay
    index: int
    event: dict[str, Any]

    @property
    def masked(self) -> Any:
        return Veil.of(self.event).value(self.event)


class EditPage:
    def __init__(self, shell: Shell, desk: Desk) -> None:
        self._shell = shell
        self._desk = desk

    def doors(self) -> list[Door]:
        return [look(f"{LIST}/{{relay}}/edit", self._show), act(f"{LIST}/{{relay}}/edit", self._act)]

    async def _show(self, visit: Visit) -> Response:
        detail = await self._desk.finder.detail(visit.path("relay"))
        chosen = _chosen(detail, visit, visit.asked("index", "0"))
        return self._page(visit, chosen, chosen.masked, as_json=visit.asked("as") == "json")

    async def _act(self, visit: Visit) -> Response:
        verb, as_json = visit.form.get("do"), visit.form.get("as") == "json"
        revealed = verb == "reveal" or visit.form.has("revealed")
        relay = visit.path("relay")
        ask = self._desk.acts.reveal(relay, by=visit.by) if revealed else self._desk.finder.detail(relay)
        chosen = _chosen(await ask, visit, visit.form.get("index", "0"))
        if verb == "reveal":
            return self._page(visit, chosen, chosen.event, as_json=as_json, revealed=True)
        try:
            written = _written(visit, chosen.event, as_json=as_json)
        except ValueError as error:
            faults = {"": f"This is not JSON: {error}"}
            return self._page(
                visit, chosen, visit.form.get("json"), as_json=True, revealed=revealed, faults=faults
            )
        edited = unmasked(written, chosen.masked, chosen.event)
        faults = {".".join(path): _HALF for path in half_masked(edited, chosen.event)}
        if verb == "save" and not faults:
            return await self._save(visit, chosen, written, edited, as_json=as_json, revealed=revealed)
        checked = normalised.checked(edited)
        if isinstance(checked, tuple):
            faults = {fault.field: fault.message for fault in checked} | faults
        return self._page(
            visit, chosen, written, as_json=as_json, revealed=revealed, faults=faults, edited=edited
        )

    async def _save(
        self,
        visit: Visit,
        chosen: Chosen,
        written: Any,
        edited: Any,
        *,
        as_json: bool,
        revealed: bool,
    ) -> Response:
        relay = visit.path("relay")
        done = await self._desk.acts.edit(
            relay,
            by=visit.by,
            index=chosen.index,
            event=edited,
            force=visit.form.has("force"),
            stale=visit.form.has("stale"),
        )
        if isinstance(done, Invalid):
            faults = {fault.field: fault.message for fault in done.faults}
        elif isinstance(done, Refused):
            faults = {"": f"Not done: {done.advice}."}
        else:
            return self._shell.back(visit, f"{LIST}/{relay}", "Edited, and on its way. The original is kept.")
        word = done.word if isinstance(done, Refused) else ""
        return self._page(
            visit,
            chosen,
            written,
            as_json=as_json,
            revealed=revealed,
            faults=faults,
            edited=edited,
            word=word,
        )

    def _page(
        self,
        visit: Visit,
        chosen: Chosen,
        shown: Any,
        *,
        as_json: bool,
        revealed: bool = False,
        faults: Mapping[str, str] | None = None,
        edited: Any = None,
        word: str = "",
    ) -> Response:
        faults, event, relay = faults or {}, chosen.event, chosen.relay
        veil = Veil.of(event, edited)
        # What was just written is shown as it was written: masked, it might look as before.
        before, after = (event, edited) if revealed else (chosen.masked, shown)
        listed = [] if isinstance(shown, str) else list(_fields(shown, faults))
        return self._shell.page(
            visit,
            "edit.html",
            400 if faults else 200,
            nav="Relays",
            relay=relay.id,
            why=sentence(veil.text(relay.reason)) if relay.status is Status.DEAD else "",
            index=chosen.index,
            kind=event.get("kind", ""),
            fields=listed,
            text=shown if isinstance(shown, str) else pretty(shown),
            as_json=as_json,
            revealed=revealed,
            faults=[f"{path}: {says}" if path else says for path, says in faults.items()],
            changes=compared(pretty(before), pretty(after)) if edited not in (None, event) else (),
            checked=edited is not None,
            same=edited == event,
            word=word,
        )


def _chosen(detail: RelayDetail | None, visit: Visit, number: str) -> Chosen:
    events = (detail.reading or {}).get("events", []) if detail else []
    index = int(number) if number.isdecimal() and len(number) < 4 else 0  # noqa: PLR2004 - three digits
    if detail is None or index >= len(events):
        raise Missing(f"event to edit in relay {visit.path('relay')}")
    return Chosen(detail.relay, index, events[index])


def _fields(event: Mapping[str, Any], faults: Mapping[str, str]) -> Iterator[Field]:
    told = dict(_leaves(event))
    wanted = [
        path for path in _ASKED_FOR if path not in told and str(event.get("kind", "")).startswith("order.")
    ]
    for path, value in [*told.items(), *((path, None) for path in wanted)]:
        if path != "kind":
            yield Field(path, _shown(value), _hint(path, value, event), faults.get(path, ""))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, f"{path}.{index}")
    else:
        yield path, value


def _shown(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _hint(path: str, value: Any, event: Mapping[str, Any]) -> str:
    currency = str(event.get("currency") or "")
    if path.endswith("_minor"):
        amount = (
            f"{money.shown(value, currency)}; "
            if isinstance(value, int) and currency in money.EXPONENTS
            else ""
        )
        return f"{amount}in the smallest unit: cents"
    return "three letters, such as USD" if path == "currency" else ""


def _written(visit: Visit, event: Mapping[str, Any], *, as_json: bool) -> Any:
    """The event as the form has it. Raises ValueError where the JSON is none."""
    if as_json:
        found = json.loads(visit.form.get("json"))
        if not isinstance(found, dict):
            raise ValueError("expected an object")
        return found
    written = deepcopy(dict(event))
    for path, text in visit.form.under("f:").items():
        _put(written, path.split("."), text.strip())
    return written


def _put(node: Any, path: list[str], text: str) -> None:
    """Writes one field into the event; an empty one is no longer said."""
    head, *rest = path
    key: Any = int(head) if isinstance(node, list) and head.isdecimal() else head
    if isinstance(node, list) and not (isinstance(key, int) and key < len(node)):
        return
    old = node[key] if isinstance(node, list) else node.get(key)
    if rest:
        child = old if isinstance(old, dict | list) else {}
        _put(child, rest, text)
        if child or old is not None:
            node[key] = child
    elif text:
        node[key] = _typed(text, old, head)
    elif isinstance(node, dict):
        node.pop(key, None)


def _typed(text: str, old: Any, name: str) -> Any:
    if isinstance(old, bool) and text in ("true", "false"):
        return text == "true"
    numeric = (isinstance(old, int) and not isinstance(old, bool)) or name.endswith("_minor")
    return int(text) if numeric and _WHOLE.fullmatch(text) else text
