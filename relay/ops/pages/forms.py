"""Posted forms: small, and text only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

_MOST: Final = 2 * 1024 * 1024  # an event is at most as large as its postback, and grows by being quoted
_FIELDS: Final = 5_000


class NoForm(Exception):
    """The body is no form, or larger than one of ours can be."""


class Form:
    """The fields as sent; a box that is ticked twice has two values."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self._pairs if key == name), default)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self._pairs if key == name)

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def under(self, prefix: str) -> Mapping[str, str]:
        """The fields whose names begin so, without that."""
        return {key.removeprefix(prefix): value for key, value in self._pairs if key.startswith(prefix)}


async def read(request: Request) -> Form:
    """Raises NoForm."""
    size, parts = 0, []
    async for part in request.stream():
        size += len(part)
        if size > _MOST:
            raise NoForm
        parts.append(part)
    try:
        text = b"".join(parts).decode()
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS))
    except ValueError as error:
        raise NoForm from error
