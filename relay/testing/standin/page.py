"""The page at `/`: what came in, newest first. Plain HTML, no style, no script."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from relay.normalise import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relay.testing.standin.orders import Violation
    from relay.testing.standin.records import Record

TITLE: Final = "Stand-in Commerce API"
HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def render(newest: Sequence[Record], total: int, violations: Sequence[Violation]) -> str:
    calls = (
        "\n".join(map(_call, newest))
        or "<p>Nothing yet. Calls appear here as they arrive; reload to see them.</p>"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{TITLE}</title>
</head>
<body>
<h1>{TITLE}</h1>
<p>{total} calls received; the newest {len(newest)} are shown. Nothing here was sent to Sequenzy.</p>
{_violations(violations)}
{calls}
</body>
</html>
"""


def _violations(violations: Sequence[Violation]) -> str:
    if not violations:
        return ""
    lines = "".join(f"<li>call {v.n}: {escape(v.rule)} ({escape(v.id)})</li>" for v in violations[-20:])
    return f"<h2>Should never have been sent</h2>\n<ul>{lines}</ul>"


def _call(record: Record) -> str:
    body = record.body
    text = body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False)
    outcome = "accepted" if record.accepted else "not accepted"
    fault = f", fault: {escape(record.fault)}" if record.fault else ""
    key = f", key {escape(record.key)}" if record.key else ", no key"
    at = times.z(datetime.fromtimestamp(record.at, UTC))
    return (
        f"<section>\n<h2>{record.n}. {escape(record.method)} {escape(record.path)}</h2>\n"
        f"<p>{record.status}, {outcome}{fault}{key}, <time>{at}</time></p>\n"
        f"<pre>{escape(text)}</pre>\n</section>"
    )
