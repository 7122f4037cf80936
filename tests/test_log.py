"""Logs are written where they can be, and cost nothing where they cannot."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from relay import log


class FullDisk(StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_log_on_a_full_disk_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", FullDisk())
    log.configure("info", "json")
    structlog.get_logger().info("spool.drained", relays=3)


def test_libraries_say_nothing_of_urls_and_headers_even_while_debugging(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("debug", "json")
    for library in ("httpx", "httpcore.http11", "aiohttp.client", "a.library.of.tomorrow"):
        logging.getLogger(library).info("POST https://hooks.example/a-secret")
    assert written.getvalue() == ""
    logging.getLogger("asyncio").warning("slow")
    structlog.get_logger().debug("spool.looked")
    assert written.getvalue().count("\n") == 2


def test_what_a_library_warns_of_is_an_event_without_what_it_was_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("info", "json")
    try:
        int("jo@example.com")
    except ValueError:
        logging.getLogger("arq.worker").exception("job %s failed\n%r", "jo@example.com", "more")
    said = json.loads(written.getvalue())
    assert (said["event"], said["level"], said["error"]) == ("library.said", "error", "ValueError")
    assert (said["library"], said["said"]) == ("arq.worker", "job %s failed")
    assert "jo@" not in written.getvalue()


def test_a_log_line_is_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    written = StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    log.configure("info", "json")
    structlog.get_logger().info("spool.drained", relays=3)
    assert written.getvalue().startswith('{"relays": 3, "event": "spool.drained"')
    assert written.getvalue().endswith("}\n")
