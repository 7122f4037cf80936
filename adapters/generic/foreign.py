"""Another shop's postbacks, read by the expressions of `options.mapping`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from adapters.generic import checking, mapping
from adapters.generic.building import Reader, build
from adapters.generic.checking import Body, Path, Refunds
from adapters.generic.commerce import PING
from adapters.generic.functions import Expression, Functions
from adapters.generic.names import DROPPED
from adapters.generic.options import IGNORE, GenericOptions, MappingOptions
from adapters.generic.words import WORDS, Shape, Told
from relay.errors import Fault, Unmappable, Unsupported
from relay.normalise import bodies, fields
from relay.normalise.contract import Events, Ignored, Postback, Reading, SourceContext
from relay.normalise.events import Event
from relay.normalise.fields import plain_key
from relay.normalise.payload import fitting_id, text_of
from relay.normalise.words import shown

_MOMENT: Final = TypeAdapter(bodies.Moment)
# What a shipment, a cancel or a refund need not say, since the order book completes it.
_IN_THE_BOOK: Final = frozenset({("totalCents",), ("currency",), ("customer",), ("customer", "email")})
_BY_NUMBER: Final[frozenset[Path]] = frozenset({("orderId",)})


class ForeignBodies:
    def __init__(self, source: SourceContext, options: MappingOptions, of_source: GenericOptions) -> None:
        self._source = source
        self._options = options
        self._refunds: Refunds = of_source.refunds
        self._encoding = of_source.encoding

    def read(self, postback: Postback, word: str | None) -> Reading:
        """Raises Malformed, Unsupported, and Unmappable with every fault at once."""
        query, body = fields.sides(postback, self._encoding)
        data = _without_dropped({**query, **body})
        if not data.keys() - {"event"}:
            return Ignored(PING)
        delivery_id = fitting_id(self._found(self._options.delivery_id, data, ("delivery_id",)))
        reason = self._reason_to_ignore(data)
        if reason is not None:
            return Ignored(reason, delivery_id)
        told = self._told(word, data)
        if told is None:
            return Ignored("ignored by the mapping's words", delivery_id)
        return Events((self._event(told, data),), delivery_id=delivery_id)

    # What happened ---------------------------------------------------------------------------------------

    def _told(self, word: str | None, data: Any) -> Told | None:
        """None where the mapping says to ignore it. Raises Unsupported: an unknown word is never a guess."""
        found = word or self._found(self._options.event, data, ("event",))
        if found is None:
            raise Unsupported(
                "nothing says what happened: options.mapping.event finds no word; or add "
                "?event=order.placed to the URL",
                field="event",
            )
        ours = self._options.words.get(found, found)
        if ours == IGNORE:
            return None
        told = WORDS.get(ours)
        if told is None or (told.shape == Shape.ORDER and told.status is None):
            raise Unsupported(
                f'{shown(found)} is not among options.mapping.words; say there what it is, or "ignore"',
                field="event",
            )
        return told

    def _found(self, expression: Expression | None, data: Any, path: Path) -> str | None:
        """The word or id that `expression` finds, as text."""
        return None if expression is None else text_of(self._search(expression, data, path))

    def _search(self, expression: Expression, data: Any, path: Path) -> Any:
        try:
            return expression.search(data, Functions(self._source.currency, self._source.timezone))
        except ValueError as error:
            fault = _with_expression(Fault(path, str(error)), {path: expression.text})
            raise Unmappable.of([fault]) from error

    def _reason_to_ignore(self, data: Any) -> str | None:
        """Raises Unmappable for a guard that cannot be asked: it lets nothing pass, and drops nothing."""
        for reason, condition in self._options.ignore_when.items():
            path = ("ignore_when", reason)
            found = self._search(condition, data, path)
            if found is True:
                return reason
            if found is not None and found is not False:
                advice = f"is neither true nor false; compare, as in {condition.text} == '1'"
                raise Unmappable.of([Fault(path, advice)])
        return None

    # The event -------------------------------------------------------------------------------------------

    def _event(self, told: Told, data: Any) -> Event:
        table = self._options.table(told.shape)
        if table is None:
            raise Unsupported(f"options.mapping has no table {told.shape}", field="event")
        without = _NO_REFUND if told.status != "refunded" else frozenset()
        mapped = mapping.run(table, data, self._source.currency, self._source.timezone, without)
        body, troubles = mapped.body, mapped.faults
        started_at = body.pop("startedAt", None)
        if started_at is not None:
            troubles += _time(started_at)
        if told.status is not None:
            body["status"] = told.status
        found_no = {fault.path for fault in troubles}
        troubles += [
            fault
            for fault in checking.faults(told.shape, body, self._refunds, may_miss=_may_miss(told, body))
            if fault.path not in found_no
        ]
        if troubles:
            raise Unmappable.of([_with_expression(fault, mapped.asked) for fault in troubles])
        return build(told.shape, body, Reader(self._refunds, mapped.assumed, started_at))


_NO_REFUND: Final = frozenset({"refundAmountCents"})


def _may_miss(told: Told, body: Body) -> frozenset[Path]:
    if told.shape != Shape.ORDER:
        return frozenset()
    found = _IN_THE_BOOK if told.status != "placed" else frozenset()
    return found | _BY_NUMBER if "orderNumber" in body else found


def _with_expression(fault: Fault, asked: Mapping[Path, str]) -> Fault:
    """`fault` with the expression of the options that was to find the value."""
    if fault.path not in asked:
        return fault
    return Fault(fault.path, f"{fault.reason} (by the mapping {asked[fault.path]})")


def _time(text: Any) -> list[Fault]:
    try:
        _MOMENT.validate_python(text)
    except ValidationError:
        return [Fault(("startedAt",), "is no time with Z or an offset; date() makes one")]
    return []


def _without_dropped(value: Any) -> Any:
    """What is dropped before it is stored decides nothing, so that mapping again comes to the same."""
    if isinstance(value, Mapping):
        return {key: _without_dropped(inner) for key, inner in value.items() if plain_key(key) not in DROPPED}
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return [_without_dropped(inner) for inner in value] if isinstance(value, list) else value
