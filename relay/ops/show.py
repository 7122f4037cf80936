"""Relays as text, for the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from relay.ops.models import IssueView, RelaySummary


def relays(found: Sequence[RelaySummary], following: str | None) -> str:
    if not found:
        return "no relay fits" + (f" so far; go on with --cursor {following}" if following else "")
    lines = [
        f"{r.id}  {r.received_at[:19]}Z  {r.status:<9}  {r.source}  "
        f"{','.join(r.kinds) or '-'}  {r.order or '-'}{'  ' + r.reason if r.reason else ''}"
        for r in found
    ]
    return "\n".join([*lines, *([f"more: --cursor {following}"] if following else [])])


def issues(found: Sequence[IssueView], following: str | None) -> str:
    if not found:
        return "no dead letters"
    lines = [
        f"{i.id}  {i.last_seen[:19]}Z  {i.count:>6}  {i.stage} {i.adapter} {','.join(i.kinds) or '-'}  "
        f"{i.title}{f'  (muted by {i.muted_by})' if i.muted_by else ''}"
        for i in found
    ]
    return "\n".join([*lines, *([f"more: --cursor {following}"] if following else [])])


def relay(r: Mapping[str, Any]) -> str:
    lines = [
        f"relay {r['id']}: {r['status']}{': ' + r['reason'] if r['reason'] else ''}",
        f"  source {r['source']} ({r['adapter']}), destination {r['destination']}, order {r['order'] or '-'}",
        f"  received {r['received_at']}, {_counted(r['copies'], 'copy', 'copies')}, "
        f"{_counted(r['attempt_count'], 'attempt', 'attempts')}"
        + (f", next try {r['next_try']}" if r["next_try"] else ""),
    ]
    lines += [f"  warning: {warning}" for warning in r["warnings"]]
    lines += ["", "timeline", *(_entry(entry) for entry in r["timeline"])]
    lines += ["", "postback", _indented(_postback(r["postback"]))]
    lines += ["", "events", _json(r["events"])]
    if r["original_events"] is not None:
        lines += ["", "events as they were read, before a person edited them", _json(r["original_events"])]
    lines += ["", "calls"]
    lines += [_call(call) for call in r["attempts"]] or ["  none was made"]
    return "\n".join(lines)


def preview(outcome: Mapping[str, Any]) -> str:
    if "ignored" in outcome:
        return f"ignored: {outcome['ignored']}"
    if "error" in outcome:
        faults = [f"{f['field']}: {f['reason']}" if f["field"] else f["reason"] for f in outcome["faults"]]
        fate = "refused to its sender" if outcome["refused"] else "dead"
        return "\n".join([f"{fate} ({outcome['error']})", *(f"  {fault}" for fault in faults)])
    lines = [f"warning: {warning}" for warning in outcome["warnings"]]
    lines += ["events", _json(outcome["events"])]
    lines += ["calls", *(f"  POST {call['path']}\n{_json(call['body'])}" for call in outcome["calls"])]
    return "\n".join([*lines, *(f"  none: {note}" for note in outcome["notes"])])


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _entry(entry: Mapping[str, Any]) -> str:
    told = entry.get("error") or entry.get("code")  # the error's words begin with the code
    words = [entry["what"], entry.get("outcome"), entry.get("path"), told]
    words += [entry.get("reason"), f"by {entry['by']}" if entry.get("by") else None]
    return f"  {entry['at']}  " + " ".join(str(word) for word in words if word)


def _postback(postback: Mapping[str, Any] | None) -> str:
    if postback is None:
        return "not kept any more"
    query = f"?{postback['query']}" if postback["query"] else ""
    headers = [f"{name}: {value}" for name, value in postback["headers"].items()]
    body = postback.get("body", "(not text)")
    return "\n".join([f"{postback['method']} {query}".rstrip(), *headers, "", body]).rstrip()


def _call(call: Mapping[str, Any]) -> str:
    answer = call.get("answer") or call.get("error") or ""
    return (
        f"  {call['at']} POST {call['path']}\n{_json(call['body'])}\n"
        f"  {call['outcome']} {'' if call.get('error') else call.get('code', '')} {answer}".rstrip()
    )


def _json(value: Any) -> str:
    return _indented(json.dumps(value, indent=2, ensure_ascii=False))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
