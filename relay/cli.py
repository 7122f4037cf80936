"""The `relay` command: a composition root for each of its verbs. Faults are one line on stderr and exit 1."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
import uvloop
from starlette.datastructures import URL

from relay import check as checks
from relay import dev, httpfile, log, preview, pulls, settings, wiring, worker
from relay.app import serve as serve_web
from relay.errors import JournalAway, RelayError, SettingsError
from relay.journal.forget import Forgotten
from relay.journal.forget import forget as erase
from relay.journal.queries import Queries
from relay.normalise import registry, times
from relay.ops import show
from relay.ops.access import Role, people
from relay.ops.access.people import SHORTEST
from relay.ops.core import Done, Operations, Refused, detail_to_plain, relay_to_plain
from relay.ops.filters import FilterError, from_words, words_of
from relay.pull.compare import Compared
from relay.pull.run import Report
from relay.receive.spool import Spool

cli: Final = typer.Typer(
    name="relay",
    help="Relays commerce postbacks to the Commerce API without losing one.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path | None, typer.Option("--data", help="The data folder (RELAY_DATA_DIR, .relay).")]
Port = Annotated[int | None, typer.Option("--port", help="The port of the web process (RELAY_PORT, 8080).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RelayId = Annotated[str, typer.Argument(metavar="ID")]
SourceName = Annotated[str, typer.Argument(metavar="SOURCE")]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)]
_ACTOR: Final = "relay command"


def main() -> None:
    try:
        cli()
    except RelayError as error:
        sys.exit(f"relay: {error}")


@cli.command("dev")
def dev_(port: Port = None, data: Data = None) -> None:
    """Web, worker, embedded Redis and stand-in API in one go."""
    sys.exit(dev.main(port=port, data=data))


@cli.command()
def serve(port: Port = None, data: Data = None) -> None:
    """The web process only."""
    env = settings.environment(port=port, data_dir=data)
    serve_web(env, settings.load(env.config))


@cli.command()
def work(data: Data = None) -> None:
    """A worker only."""
    env = settings.environment(data_dir=data)
    config = settings.load(env.config)
    wiring.sources(config)  # a worker maps nothing, but what is wrong is told by every process alike
    uvloop.run(worker.run(env, config))


@cli.command()
def check(data: Data = None, as_json: Json = False) -> None:
    """Looks at the configuration, Redis, each destination's key and each token; exit 1 on a fault."""
    env = settings.environment(data_dir=data)
    findings = asyncio.run(checks.run(env, settings.load(env.config)))
    if as_json:
        _print_json([{"level": f.level, "what": f.what, "says": f.says} for f in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.level:<5} {finding.what}: {finding.says}")
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


@cli.command()
def sources(
    data: Data = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print the tokens in the URLs.")] = False,
    as_json: Json = False,
) -> None:
    """Each source with its postback URL, its last postback and its counts."""

    async def ask(tools: Tools) -> list[dict[str, Any]]:
        stats = await tools.queries.stats()
        found = []
        for name, source in tools.config.sources.items():
            token = source.tokens[0].get_secret_value() if reveal else "•••"
            _, last = await tools.queries.source_times(name)
            found.append(
                {
                    "source": name,
                    "adapter": source.adapter,
                    "url": f"http://{tools.env.host}:{tools.env.port}/in/{name}/{token}",
                    "last_postback": times.z(times.from_ms(last)) if last else None,
                    "counts": stats.sources.get(name, {}),
                }
            )
        return found

    found = _with_tools(data, ask)
    if as_json:
        _print_json(found)
        return
    for source in found:
        counts = ", ".join(f"{n} {word}" for word, n in source["counts"].items() if n) or "nothing received"
        typer.echo(f"{source['source']} ({source['adapter']})\n  {source['url']}")
        typer.echo(f"  last postback: {source['last_postback'] or 'never'}; {counts}")


@cli.command("map")
def map_(
    source: SourceName,
    file: File,
    data: Data = None,
    journal: Annotated[
        bool, typer.Option("--journal", help="Against the real order book instead of an empty one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """The event and the calls a raw .http or JSON file would become; nothing is recorded or sent."""
    env = settings.environment(data_dir=data)
    config = settings.load(env.config)
    request = _file(file)
    if journal:
        outcome = _with_tools(data, lambda tools: preview.against(tools.journal, config, source, request))
    else:
        outcome = preview.alone(config, source, request)
    if as_json:
        _print_json(outcome)
    else:
        typer.echo(show.preview(outcome))


@cli.command()
def send(source: SourceName, file: File, data: Data = None, port: Port = None) -> None:
    """Sends a raw .http file to a running relay."""
    env = settings.of_running(settings.environment(data_dir=data, port=port))
    config = settings.load(env.config)
    if source not in config.sources:
        raise SettingsError(f"there is no source {source!r}; configured are {', '.join(config.sources)}")
    token = config.sources[source].tokens[0].get_secret_value()
    request = _file(file)
    url = URL(
        scheme="http", netloc=f"{env.host}:{env.port}", path=f"/in/{source}/{token}", query=request.query
    )
    headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length", "connection")}
    headers |= _signed(config, source, request)
    try:
        answer = httpx.request(request.method, str(url), headers=headers, content=request.body, timeout=30)
    except httpx.ConnectError as error:
        where = f"{env.host}:{env.port} ({type(error).__name__})"
        sys.exit(f"relay: nothing answers at {where}; is `relay dev` running?")
    typer.echo(f"{answer.status_code} {answer.text}")
    if answer.is_error:
        raise typer.Exit(1)


@cli.command()
def relays(
    wanted: Annotated[
        str, typer.Argument(metavar="FILTER", help='"status:dead source:shop since:24h free words"')
    ] = "",
    data: Data = None,
    status: Annotated[str | None, typer.Option()] = None,
    source: Annotated[str | None, typer.Option()] = None,
    order: Annotated[str | None, typer.Option()] = None,
    email: Annotated[str | None, typer.Option()] = None,
    event: Annotated[str | None, typer.Option()] = None,
    since: Annotated[str | None, typer.Option(help="A date, or how long ago: 24h.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    cursor: Annotated[str | None, typer.Option()] = None,
    as_json: Json = False,
) -> None:
    """Relays, newest first."""
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
    page = _with_tools(data, lambda tools: tools.queries.find(asked, limit=limit, cursor=cursor))
    plain = [relay_to_plain(relay) for relay in page.relays]
    if as_json:
        _print_json({"relays": plain, "next": page.next, "total": page.total})
    else:
        typer.echo(show.relays(plain, page.next))


@cli.command("show")
def show_(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """All of one relay: postback, events, calls, answers and what happened when."""
    detail = _with_tools(data, lambda tools: tools.queries.detail(relay))
    if detail is None:
        sys.exit(f"relay: there is no relay {relay}")
    plain = detail_to_plain(detail)
    if as_json:
        _print_json(plain)
    else:
        typer.echo(show.relay(plain))


@cli.command()
def retry(
    relay: RelayId,
    data: Data = None,
    stage: Annotated[str | None, typer.Option(help="normalise or deliver.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Send even what was accepted before.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Send although it is older than 72 h.")] = False,
    as_json: Json = False,
) -> None:
    """Runs a relay again."""
    if stage not in (None, "normalise", "deliver"):
        raise SettingsError(f"--stage is {stage!r}; expected normalise or deliver")

    def act(operations: Operations) -> Awaitable[Done | Refused]:
        return operations.retry(relay, by=_ACTOR, stage=stage, force=force, stale=stale)  # type: ignore[arg-type]

    _act(relay, data, act, as_json=as_json)


@cli.command()
def discard(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """Ends a relay that is not to be sent."""
    _act(relay, data, lambda operations: operations.discard(relay, by=_ACTOR), as_json=as_json)


@cli.command()
def restore(relay: RelayId, data: Data = None, as_json: Json = False) -> None:
    """Takes a discard back: the relay is dead again, and can be retried."""
    _act(relay, data, lambda operations: operations.restore(relay, by=_ACTOR), as_json=as_json)


Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The last day; today.")]
SendIt = Annotated[bool, typer.Option("--send", help="Record what is missing, so that it is sent.")]
Stale = Annotated[bool, typer.Option("--stale", help="Also what is older than 72 h: it mails people.")]


@cli.command()
def catalog(source: SourceName, data: Data = None, send: SendIt = False, as_json: Json = False) -> None:
    """Asks the platform for its products; with --send they are relayed."""
    _pull(source, data, pulls.products, send=send, stale=False, as_json=as_json)


@cli.command()
def backfill(
    source: SourceName,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day.")],
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """Asks the platform for its history; with --send what the destination lacks is relayed."""
    choose = pulls.orders(since.date(), until.date() if until else None)
    _pull(source, data, choose, send=send, stale=stale, as_json=as_json)


@cli.command()
def reconcile(
    source: SourceName,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    send: SendIt = False,
    stale: Stale = False,
    as_json: Json = False,
) -> None:
    """What the platform sold in the last three days that never reached us; with --send it is relayed."""
    choose = pulls.orders(since.date() if since else None, until.date() if until else None)
    _pull(source, data, choose, send=send, stale=stale, as_json=as_json)


def _pull(
    source: str, data: Path | None, choose: pulls.Choose, *, send: bool, stale: bool, as_json: bool
) -> None:
    config = settings.load(settings.environment(data_dir=data).config)  # with the secrets
    found: list[Compared] = []

    def show(compared: Compared) -> None:
        if as_json:
            found.append(compared)
        elif said := pulls.line(compared):
            typer.echo(said)

    def ask(tools: Tools) -> Awaitable[Report]:
        return pulls.pull(tools.journal, config, source, choose, send=send, stale=stale, show=show)

    report = _with_tools(data, ask)
    typer.echo(pulls.to_json(found, report) if as_json else pulls.summary(report, send=send))


@cli.command()
def forget(email: Annotated[str, typer.Argument(metavar="EMAIL")], data: Data = None) -> None:
    """Erases a person: relays, order books, indexes, and this host's spool."""

    async def ask(tools: Tools) -> tuple[Forgotten, int]:
        return await erase(tools.journal, email, by=_ACTOR), await tools.spool.forget(email)

    done, spooled = _with_tools(data, ask)
    typer.echo(f"forgotten: {done.relays} relays, {done.orders} order books, {spooled} in this host's spool")
    typer.echo("not reached from here: backups, other hosts' spools, and what Sequenzy was sent")
    if done.busy:
        sys.exit(f"relay: being sent this moment: {', '.join(done.busy)}; forget once more in a minute")


@cli.command()
def stats(data: Data = None, as_json: Json = True) -> None:  # noqa: ARG001 - borne, as everywhere
    """The counts of all statuses, and whether they add up; always JSON."""
    _print_json(_with_tools(data, lambda tools: tools.operations.stats()))


@cli.command()
def password(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
) -> None:
    """A line for RELAY_USERS_FILE: asks for a password and prints NAME:ROLE:HASH."""
    said = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(said) < SHORTEST:
        sys.exit(f"relay: a password needs {SHORTEST} characters or more")
    typer.echo(people.line(name, role, said))


@dataclass(frozen=True, slots=True)
class Tools:
    """What commands that look into the journal work with."""

    env: settings.Environment
    config: settings.Config
    journal: Any
    queries: Queries
    operations: Operations
    spool: Spool


@asynccontextmanager
async def _tools(data: Path | None) -> AsyncIterator[Tools]:
    env = settings.of_running(settings.environment(data_dir=data))
    config = settings.load(env.config, secrets_needed=False)
    log.configure("error", env.log_format)
    async with AsyncExitStack() as stack:
        client = wiring.redis(env, retries=1)
        stack.push_async_callback(client.aclose, close_connection_pool=True)
        journal = wiring.journal(client, config)
        built = {source.name: source for source in wiring.sources(config)}
        queries = Queries(journal, list(config.sources), list(config.destinations))
        spool = Spool(env.data_dir)
        stack.push_async_callback(spool.close)
        yield Tools(env, config, journal, queries, Operations(journal, queries, built, spool), spool)


def _with_tools(data: Path | None, ask: Callable[[Tools], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with _tools(data) as tools:
            return await ask(tools)

    try:
        return asyncio.run(run())
    except JournalAway as error:
        sys.exit(f"relay: {error}; is `relay dev` running in this folder, or RELAY_REDIS_URL right?")


def _act(
    relay: str,
    data: Path | None,
    act: Callable[[Operations], Awaitable[Done | Refused]],
    *,
    as_json: bool,
) -> None:
    done = _with_tools(data, lambda tools: act(tools.operations))
    if isinstance(done, Refused):
        sys.exit(f"relay: {done.advice}")
    if as_json:
        _print_json({"id": relay, "status": done.status})
    else:
        typer.echo(f"{relay} is {done.status}")


def _signed(config: settings.Config, source: str, request: httpfile.RawRequest) -> dict[str, str]:
    """The headers its sender would add; a delivery id in the file stays, else it is a new delivery."""
    signature = wiring.signature(source, config.sources[source], registry.installed())
    if signature is None:
        return {}
    delivery_id = f"msg_{secrets.token_hex(12)}"
    return signature.sign(request.body, request.headers, datetime.now(UTC), delivery_id)


def _file(file: Path) -> httpfile.RawRequest:
    try:
        return httpfile.read(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
