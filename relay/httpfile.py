"""Raw `.http` files: a request as it came off the wire. A `.json` file is a POST of that JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from relay.normalise.contract import Postback


@dataclass(frozen=True, slots=True)
class RawRequest:
    """`query` is without the question mark; header names are lower case."""

    method: str
    query: str
    headers: dict[str, str]
    body: bytes

    def postback(self, received_at: datetime | None = None) -> Postback:
        moment = received_at or datetime.now(UTC)
        return Postback(self.method, self.query, self.headers, self.body, moment)


def read(file: Path) -> RawRequest:
    """Raises ValueError where the file is no HTTP request, OSError where it cannot be read."""
    data = file.read_bytes()
    if file.suffix == ".json" or data.lstrip()[:1] == b"{":
        return RawRequest("POST", "", {"content-type": "application/json"}, data)
    return parse(data)


def parse(data: bytes) -> RawRequest:
    """Lines may end in CRLF or LF; all behind the first empty line is the body, byte for byte."""
    head, body = _split(data)
    request, *lines = head.decode("latin-1").splitlines() or [""]
    words = request.split(" ")
    if len(words) < 2 or not (words[0].isalpha() and words[0].isupper()):  # noqa: PLR2004 - method, target
        raise ValueError(
            f"the first line is {request[:60]!r}; expected one such as POST /in/my-store HTTP/1.1"
        )
    target = words[1]
    headers = dict(_header(line) for line in lines if line)
    return RawRequest(words[0].upper(), target.partition("?")[2], headers, body)


def _split(data: bytes) -> tuple[bytes, bytes]:
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    if not ends:
        return data, b""
    at, length = min(ends)
    return data[:at], data[at + length :]


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(f"the line {line[:60]!r} is no header; expected Name: value")
    return name.strip().lower(), value.strip()
