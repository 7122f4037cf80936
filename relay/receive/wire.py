"""HTTP as careless senders write it.

Platforms put the values of an order into a URL as they are, names with umlauts and blanks included. The
parser answers 400 to such a request line before there is anything to record, and these senders try once;
so what belongs in percent signs is put there first.

Others offer to go on in HTTP/2, and send the postback at once in case that is declined. To the parser all
behind such a head is another protocol's, and the postback has no body; so it is not shown the offer.
"""

from __future__ import annotations

import re
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_LINE: Final = 64 * 1024
LONGEST_HEAD: Final = 512 * 1024
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
)
_CARELESS: Final = re.compile(rb"[^\x21-\x7e]")
_OFFER: Final = re.compile(rb"\n(?i:upgrade)(?=[ \t]*:)")


def mended(request: bytes) -> bytes:
    """`request` with a target that holds nothing but what a target may, and without an offer to upgrade."""
    head = _head_ends(request)
    if head > 0 and _OFFER.search(request, 0, head):
        request = _OFFER.sub(b"\nx-upgrade", request[:head]) + request[head:]
    line, end, rest = request.partition(b"\n")
    method, _, tail = line.partition(b" ")
    target, http, version = tail.rpartition(b" HTTP/")
    if not http or not _CARELESS.search(target):
        return request
    quoted = _CARELESS.sub(lambda byte: b"%%%02X" % ord(byte[0]), target)
    return b"".join((method, b" ", quoted, http, version, end, rest))


def _head_ends(request: bytes) -> int:
    """Where its empty line begins; -1 for nowhere."""
    end = request.find(b"\n\r\n")
    return end if end >= 0 else request.find(b"\n\n")


def _is_whole(data: bytes) -> bool:
    """Whether the head of a request is there, or what comes is none."""
    line = data.find(b"\n")
    return line >= 0 and (b" HTTP/" not in data[:line] or _head_ends(data) > 0)


class Wire(HttpToolsProtocol):
    """Holds what comes until the head of a request is whole, however it was cut on the way."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._between = True
        self._held = b""
        self._in_head = False
        self._head = 0

    def on_message_begin(self) -> None:
        self._between, self._in_head = False, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._between = True

    def data_received(self, data: bytes) -> None:
        if self._between:
            data = (self._held + data).lstrip(b"\r\n")
            if not _is_whole(data) and len(data) < LONGEST_LINE:
                self._held = data
                self._unset_keepalive_if_required()
                return
            data, self._held = mended(data), b""
        super().data_received(data)
        # The parser keeps a head of any length, and this is before anybody has shown a token.
        self._head = self._head + len(data) if self._in_head else 0
        if self._head > LONGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()
