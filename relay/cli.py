"""The `relay` command: a composition root for each of its verbs. Faults are one line on stderr and exit 1."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
import uvloop

from relay import addresses, dev, httpfile, preview, settings, wiring, worker
from relay import check as checks
from relay.app import serve as serve_web
from relay.commands import pull, relays
from relay.commands.adapters import adapters
from relay.commands.capture import capture_
from relay.commands.tools import Data, Json, SourceName, Tools, print_json, with_tools
from relay.errors import JournalAway, RelayError, SettingsError
from relay.journal.forget import Forgotten
from relay.journal.forget import forget as erase
from relay.journal.mentions import Address
from relay.normalise import registry
from relay.ops import show
from relay.ops.access import Role, people
from relay.ops.access.people import SHORTEST

cli: Final = typer.Typer(
    name="relay",
    help="Takes commerce postbacks, records them, and delivers them to the Commerce API.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int | None, typer.Option("--port", help="The port of the web process (RELAY_PORT, 8080).")]
RelayId = Annotated[str, typer.Argument(metavar="ID")]
File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)]
_ACTOR: Final = "relay command"


def main() -> None:
    try:
        cli()
    except RelayError as error:
        sys.exit(f"relay: {error}")


@cli.command("dev")
def dev_(port: Port = None, data: Data = None) -> None:
    """Run web, worker, embedded Redis and stand-in API together, to try it."""
    sys.exit(dev.main(port=port, data=data))


@cli.command()
def serve(port: Port = None, data: Data = None) -> None:
    """Run a web process: it takes postbacks and shows the dashboard."""
    env = settings.environment(port=port, data_dir=data)
    serve_web(env, settings.load(env.config))


@cli.command()
def work(data: Data = None) -> None:
    """Run a worker: it sends what is due."""
    env = settings.environment(data_dir=data)
    config = settings.load(env.config)
    wiring.sources(config)  # a worker maps nothing, but what is wrong is told by every process alike
    uvloop.run(worker.run(env, config))


@cli.command()
def check(
    data: Data = None,
    alerts: Annotated[bool, typer.Option("--alerts", help="Send a test alert to every channel.")] = False,
    as_json: Json = False,
) -> None:
    """Check settings, Redis, keys, tokens, alert channels and the sign-in provider.

    Exits 1 on a fault.
    """
    env = settings.environment(data_dir=data)
    findings = asyncio.run(checks.run(env, settings.load(env.config), send_alert=alerts))
    if as_json:
        print_json([{"level": f.level, "what": f.what, "says": f.says} for f in findings])
    else:
        for finding in findings:
            typer.echo(f"{finding.level:<5} {finding.what}: {finding.says}")
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


@cli.command()
def sources(
    data: Data = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Print the URLs with their tokens.")] = False,
    as_json: Json = False,
) -> None:
    """List each source with its postback URL, last postback and counts."""

    async def ask(tools: Tools) -> list[dict[str, Any]]:
        return [
            {
                "source": source.name,
                "adapter": source.adapter,
                "url": await _url(tools, source.name, reveal=reveal),
                "last_postback": source.last,
                "counts": source.numbers.model_dump(exclude={"hours"}) if source.numbers else None,
            }
            for source in await tools.desk.overview.sources()
        ]

    found = with_tools(data, ask)
    if as_json:
        print_json(found)
        return
    for source in found:
        typer.echo(f"{source['source']} ({source['adapter']})\n  {source['url']}\n  {_came(source)}")


def _came(source: Mapping[str, Any]) -> str:
    if source["counts"] is None:
        return "what came of it is not known: Redis does not answer"
    counts = ", ".join(f"{n} {word}" for word, n in source["counts"].items() if n) or "nothing received"
    return f"last postback: {source['last_postback'] or 'never'}; {counts}"


async def _url(tools: Tools, name: str, *, reveal: bool) -> str:
    place = addresses.site(tools.env.host, tools.env.port, tools.env.public_url)
    if not reveal:
        return f"{place}/in/{name}/•••"
    token = settings.needed(tools.config.sources[name].tokens[0], f"sources.{name}.tokens.0")
    with suppress(JournalAway):  # whoever sets it up needs the URL before the first start
        await tools.desk.activity.note(_ACTOR, "revealed the URL", name)
    return addresses.postback_url(place, name, token)


@cli.command("map")
def map_(
    source: SourceName,
    file: File,
    data: Data = None,
    journal: Annotated[
        bool, typer.Option("--journal", help="Use the real order book instead of an empty one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the events and calls of a raw .http or JSON file; nothing is recorded or sent."""
    env = settings.environment(data_dir=data)
    config = settings.load(env.config, secrets_needed=False)
    request = _file(file)
    if journal:
        outcome = with_tools(data, lambda tools: preview.against(tools.journal, config, source, request))
    else:
        outcome = preview.alone(config, source, request)
    if as_json:
        print_json(outcome)
    else:
        typer.echo(show.preview(outcome))


@cli.command()
def send(source: SourceName, file: File, data: Data = None, port: Port = None) -> None:
    """Send a raw .http file to a running relay."""
    env = settings.of_running(settings.environment(data_dir=data, port=port))
    config = settings.load(env.config, secrets_needed=False)
    if source not in config.sources:
        raise SettingsError(f"there is no source {source!r}; configured are {', '.join(config.sources)}")
    token = settings.needed(config.sources[source].tokens[0], f"sources.{source}.tokens.0")
    request = _file(file)
    place = f"{addresses.reach(env.host)}:{env.port}"
    url = addresses.postback_url(f"http://{place}", source, token)
    url += f"?{request.query}" if request.query else ""
    headers = {k: v for k, v in request.headers.items() if k not in ("host", "content-length", "connection")}
    headers |= _signed(config, source, request)
    try:
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.request(request.method, url, headers=headers, content=request.body)
    except httpx.TransportError as error:
        sys.exit(f"relay: nothing answers at {place} ({type(error).__name__}); is `relay dev` running?")
    typer.echo(f"{answer.status_code} {answer.text}")
    if answer.is_error:
        raise typer.Exit(1)


@cli.command()
def forget(
    email: Annotated[str, typer.Argument(metavar="EMAIL")], data: Data = None, as_json: Json = False
) -> None:
    """Erase a person from relays, order books, indexes and this host's spool."""

    async def ask(tools: Tools) -> tuple[Forgotten, int]:
        spooled = await tools.spool.forget(email, by=_ACTOR)  # first, since it drains into the journal
        lost = tools.config.encryption.forgotten
        return await erase(tools.journal, email, by=_ACTOR, lost=lost), spooled

    try:
        Address.of(email)
    except ValueError as error:
        sys.exit(f"relay: {error}")
    done, spooled = with_tools(data, ask)
    if as_json:
        print_json({**asdict(done), "spooled": spooled})
    else:
        typer.echo(
            f"forgotten: {done.relays} relays, {done.orders} order books, {spooled} in this host's spool"
        )
        typer.echo("not reached from here: backups, other hosts' spools, and what Sequenzy was sent")
    if done.busy:
        sys.exit(f"relay: being sent this moment: {', '.join(done.busy)}; forget once more in a minute")


@cli.command()
def password(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
) -> None:
    """Ask for a password and print a line for RELAY_USERS_FILE: NAME:ROLE:HASH."""
    said = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(said) < SHORTEST:
        sys.exit(f"relay: a password needs {SHORTEST} characters or more")
    typer.echo(people.line(name, role, said))


def _signed(config: settings.Config, source: str, request: httpfile.RawRequest) -> dict[str, str]:
    """The headers its sender would add; a delivery id in the file stays, else it is a new delivery."""
    said = config.sources[source]
    signature = wiring.signature(source, said, registry.installed())
    if signature is None or said.signature is None:
        return {}
    settings.needed(said.signature.secrets[0], f"sources.{source}.signature.secrets.0")
    delivery_id = f"msg_{secrets.token_hex(12)}"
    return signature.sign(request.body, request.headers, datetime.now(UTC), delivery_id)


def _file(file: Path) -> httpfile.RawRequest:
    try:
        return httpfile.read(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: {error}") from error


for command in (
    *(relays.relays, relays.issues, relays.show, relays.retry, relays.discard, relays.restore, relays.stats),
    *(pull.catalog, pull.backfill, pull.reconcile),
):
    cli.command()(command)
cli.command("capture")(capture_)
cli.add_typer(adapters, name="adapters")
