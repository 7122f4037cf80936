"""Answers, and the three shapes the Commerce API's errors come in (reference 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic_core import to_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, ValidationError

Shape = Literal["A", "B", "C"]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
BODYLESS: Final = frozenset({204, 205, 304})
_CODES: Final = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMITED",
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: Headers = ()

    @property
    def accepted(self) -> bool:
        return is_success(self.status)


def is_success(status: int) -> bool:
    return 200 <= status <= 299  # noqa: PLR2004


class RefusedError(Exception):
    """The stand-in will not take this request. `field` is the first that is wrong, if it is a field."""

    def __init__(self, status: int, message: str, *, field: str | None = None, headers: Headers = ()) -> None:
        self.status = status
        self.message = message
        self.field = field
        self.headers = headers
        super().__init__(message)


def answer(status: int, content: Any, headers: Headers = ()) -> Answer:
    return Answer(status, to_json(content), JSON, headers)


def refusal(shape: Shape, error: RefusedError) -> Answer:
    content = error_body(shape, error.status, error.message, error.field)
    return answer(error.status, content, error.headers)


def error_body(shape: Shape, status: int, message: str, field: str | None = None) -> dict[str, Any]:
    code = _CODES.get(status, f"HTTP_{status}")
    if shape == "B":
        return {"success": False, "error": {"code": code, "message": message}}
    if shape == "C":
        return _rich(status, code, message, field)
    # The short form has no code, except where one is documented.
    return {"success": False, "error": message} | ({"code": code} if status == HTTPStatus.NOT_FOUND else {})


def _rich(status: int, code: str, message: str, field: str | None) -> dict[str, Any]:
    return {
        "success": False,
        "error": "Validation failed" if status == HTTPStatus.BAD_REQUEST else phrase(status),
        "code": code,
        "title": phrase(status),
        "description": message,
        "resolution": f"Correct {field}." if field else "See the documentation.",
        "docsUrl": "https://docs.example/errors",
    } | ({"details": {"field": field}} if field else {})


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def invalid(error: ValidationError) -> RefusedError:
    """The first complaint, in the API's words: "customer.email is required"."""
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        return RefusedError(400, "the body is not JSON")
    field = _field(first["loc"])
    if not field:
        return RefusedError(400, "the body must be a JSON object")
    return RefusedError(400, f"{field} {_complaint(first)}", field=field)


def _field(location: tuple[int | str, ...]) -> str:
    """("items", 0, "quantity") as "items[0].quantity"."""
    text = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in location if step != "[key]"
    )
    return text.removeprefix(".")


def _complaint(first: ErrorDetails) -> str:
    kind = first["type"]
    if kind in _WORDS:
        return _WORDS[kind]
    if first["input"] is None:
        return "must not be null"
    if kind == "value_error":
        return str(first["ctx"]["error"])
    return first["msg"].replace("Input should", "must").replace("List should", "must")


_WORDS: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must not be empty",
}
