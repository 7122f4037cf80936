"""`relay relays` and its kin: what the dashboard does, scriptable."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from relay.commands.tools import Data, Json, Tools, print_json, with_tools
from relay.errors import JournalAway, SettingsError
from relay.journal.issues import IssuePage
from relay.journal.records import RelayDetail
from relay.ops import show as shown
from relay.ops.core import Done, Operations, Refused
from relay.ops.filters import FilterError, from_words, words_of
from relay.ops.models import IssueList, IssueView, RelayList, RelaySummary, RelayView

RelayId = Annotated[str, typer.Argument(metavar="ID")]
Limit = Annotated[int, typer.Option(min=1, max=500)]
Cursor = Annotated[str | None, typer.Option(help="Where to go on: what the page before gave as `next`.")]
ACTOR: Final = "relay command"


def relays(
    wanted: Annotated[
        str, typer.Argument(metavar="FILTER", help='Such as "status:dead source:shop since:24h free words".')
    ] = "",
    data: Data = None,
    status: Annotated[str | None, typer.Option()] = None,
    source: Annotated[str | None, typer.Option()] = None,
    order: Annotated[str | None, typer.Option()] = None,
    email: Annotated[str | None, typer.Option()] = None,
    event: Annotated[str | None, typer.Option()] = None,
    since: Annotated[str | None, typer.Option(help="A date, or how long ago: 24h.")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List relays, newest first."""
    said = {
        "status": status,
        "source": source,
        "order": order,
        "email": email,
        "event": event,
        "since": since,
    }
    try:
        words = words_of(wanted) | {key: value for key, value in said.items() if value}
        asked = from_words(words)
    except FilterError as error:
        raise SettingsError(str(error)) from error
    page = with_tools(data, lambda tools: tools.desk.queries.find(asked, limit=limit, cursor=cursor))
    found = [RelaySummary.of(relay) for relay in page.relays]
    if as_json:
        listed = RelayList(relays=found, next=page.next, total=page.total, searched=page.searched)
        print_json(listed.model_dump(mode="json"))
    else:
        typer.echo(shown.relays(found, page.next))


def issues(data: Data = None, limit: Limit = 20, cursor: Cursor = None, as_json: Json = False) -> None:
    """List dead letters grouped by cause, the latest first."""

    async def ask(tools: Tools) -> IssuePage:
        try:
            return await tools.desk.queries.issues.page(limit=limit, cursor=cursor)
        except ValueError as error:
            raise SettingsError(f"--cursor is {cursor!r}; {error}") from error

    page = with_tools(data, ask)
    found = [IssueView.of(issue) for issue in page.issues]
    if as_json:
        print_json(IssueList(issues=found, next=page.next, total=page.total).model_dump(mode="json"))
    else:
        typer.echo(shown.issues(found, page.next))


def show(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """Show all of one relay, unmasked: timeline, postback, events, calls and answers."""
    revealed, detail = with_tools(data, lambda tools: _revealed(tools, relay))
    if detail is None:
        sys.exit(f"relay: there is no relay {relay}")
    if not revealed:
        _show_spooled(RelaySummary.of(detail.relay), as_json=as_json)
        return
    plain = RelayView.of(detail).model_dump(mode="json")
    if as_json:
        print_json(plain)
    else:
        typer.echo(shown.relay(plain))


async def _revealed(tools: Tools, relay: str) -> tuple[bool, RelayDetail | None]:
    """Whether it may be shown unmasked, which has to be written down first, and the relay."""
    try:
        return True, await tools.desk.acts.reveal(relay, by=ACTOR)
    except JournalAway:
        spooled = await tools.desk.finder.spooled(relay)
        if spooled is None:
            raise
        return False, spooled


def _show_spooled(relay: RelaySummary, *, as_json: bool) -> None:
    if as_json:
        print_json(relay.model_dump(mode="json"))
        return
    typer.echo(shown.relays([relay], None))
    typer.echo(
        "Redis is away, so nobody can write down who looks at it; all of it is shown once Redis is back."
    )


def retry(
    relay: RelayId,
    data: Data = None,
    stage: Annotated[str | None, typer.Option(help="Where to start again: normalise or deliver.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Send even what was already accepted.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Send even what is older than 72 h.")] = False,
    drop_edit: Annotated[
        bool, typer.Option("--drop-edit", help="Map the postback again, without the edit.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a relay again."""
    if stage not in (None, "normalise", "deliver"):
        raise SettingsError(f"--stage is {stage!r}; expected normalise or deliver")

    def act(operations: Operations) -> Awaitable[Done | Refused]:
        return operations.retry(
            relay,
            by=ACTOR,
            stage=stage,  # type: ignore[arg-type]  # one of the two, or none
            force=force,
            stale=stale,
            drop_edit=drop_edit,
        )

    _act(relay, data, act, as_json=as_json)


def discard(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """Give up a relay: it is not sent."""
    _act(relay, data, lambda operations: operations.discard(relay, by=ACTOR), as_json=as_json)


def restore(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """Undo a discard: the relay is dead again and can be retried."""
    _act(relay, data, lambda operations: operations.restore(relay, by=ACTOR), as_json=as_json)


def stats(data: Data = None, as_json: Json = True) -> None:  # noqa: ARG001 - borne, as everywhere
    """Show the counts of all statuses and whether they add up; always JSON."""
    stats = with_tools(data, lambda tools: tools.desk.overview.stats())
    print_json(stats.model_dump(mode="json"))


def _act(
    relay: str,
    data: Path | None,
    act: Callable[[Operations], Awaitable[Done | Refused]],
    *,
    as_json: bool,
) -> None:
    done = with_tools(data, lambda tools: act(tools.desk.acts))
    if isinstance(done, Refused):
        sys.exit(f"relay: {done.advice}" + (f": say --{done.word.replace('_', '-')}" if done.word else ""))
    if as_json:
        print_json({"id": relay, "status": done.status})
    else:
        typer.echo(f"{relay} is {done.status}")
