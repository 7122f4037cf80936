"""Logs are events: a dotted name, and values as fields, never a token, a key or a personal datum."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from io import TextIOBase
from typing import Literal, TextIO, cast

import structlog


class _Patient(TextIOBase):
    """A log that cannot be written, as on a full disk, must not cost a postback as well."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _ToEvents(logging.Handler):
    """What a library warns of, as an event. Its arguments may hold a person's data, and so may every line
    but the first.
    """

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg).partition("\n")[0][:200]
        error = record.exc_info[1] if record.exc_info else None
        structlog.get_logger().log(
            record.levelno, "library.said", library=record.name, said=said, **broken(error) if error else {}
        )


def broken(error: BaseException) -> dict[str, str | int | None]:
    """What is told of an error that nobody foresaw: its message and its frames may hold a person's data."""
    *_, place = traceback.extract_tb(error.__traceback__) or [traceback.FrameSummary("", 0, "")]
    return {"error": type(error).__name__, "file": place.filename, "line": place.lineno}


def configure(level: str, form: Literal["json", "console"]) -> None:
    """Once per process. Libraries would log URLs, headers, job arguments: they speak from warnings up."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    quiet = max(threshold, logging.WARNING)
    logging.basicConfig(level=quiet, handlers=[_ToEvents()], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    renderer = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Patient(sys.stderr))),
        cache_logger_on_first_use=True,
    )
