"""`relay dev`: web, worker, an embedded Redis and a stand-in for the Commerce API, in one terminal."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import tomli_w
from dotenv import dotenv_values

from relay import log, settings
from relay.addresses import LOOPBACK, free_port, port_near, postback_url, reach, site
from relay.children import GRACE, Child, keep
from relay.embedded import EmbeddedRedis, Hold
from relay.errors import SettingsError
from relay.normalise import registry

if TYPE_CHECKING:
    from relay.settings import Config, Environment, Source

_STANDIN_KEY: Final = "stand-in"
_STANDIN_BASE: Final = "/api/v1"
_READY: Final = 60.0  # seconds the web process may take
_POLL: Final = 0.05  # seconds between two looks for a child that is about to listen


@dataclass(frozen=True)
class Commands:
    """What the children run. Tests put smaller programs here."""

    serve: tuple[str, ...] = (sys.executable, "-m", "relay", "serve")
    work: tuple[str, ...] = (sys.executable, "-m", "relay", "work")
    standin: tuple[str, ...] = (sys.executable, "-m", "relay.testing.standin")


@dataclass(frozen=True)
class Plan:
    """What will run. `stood_in` are the destinations that have no key and are given the stand-in."""

    env: Environment
    said: Mapping[str, str]
    file: Path
    config: Config
    port: int
    standin_port: int
    stood_in: tuple[str, ...]

    def variables(self) -> dict[str, str]:
        """The environment of the children."""
        return {
            **self.said,
            "RELAY_CONFIG": str(self.file),
            "RELAY_DATA_DIR": str(self.file.parent),
            "RELAY_HOST": self.env.host,
            "RELAY_PORT": str(self.port),
        }


def main(*, port: int | None = None, data: Path | None = None) -> int:
    """`relay dev` from its flags. Raises SettingsError."""
    said = variables()
    env = settings.environment(said, port=port, data_dir=data)
    log.configure(env.log_level, env.log_format)
    return asyncio.run(run(env, said))


def variables(folder: Path = Path()) -> dict[str, str]:
    """The environment, and the folder's `.env` where the environment is silent."""
    written = {name: value for name, value in dotenv_values(folder / ".env").items() if value is not None}
    return {**written, **os.environ}


async def run(
    env: Environment, said: Mapping[str, str] | None = None, commands: Commands | None = None
) -> int:
    """Until Ctrl-C, SIGTERM or a closed terminal, then 0. Raises SettingsError if it cannot go on."""
    hold = Hold(env.data_dir.resolve())
    try:
        house = _House(plan(env, variables() if said is None else said), commands or Commands(), hold)
        with _interrupts(house):
            await house.live()
    finally:
        hold.release()
    return 0


def plan(env: Environment, said: Mapping[str, str]) -> Plan:
    """Decides ports and configuration and writes `dev.toml`; starts nothing."""
    port = free_port(env.host, env.port)
    standin_port = port_near(port + 1)
    file = env.data_dir.resolve() / "dev.toml"
    raw, where = _configuration(env, said, file)
    raw, stood_in = _stand_in(raw, said, f"http://{LOOPBACK}:{standin_port}{_STANDIN_BASE}")
    settings.parse(raw, said, where=str(where))  # so that its faults are told of the file the user wrote
    _write(file, raw)
    config = settings.load(file, said)
    return Plan(env, said, file, config, port, standin_port, stood_in)


def _configuration(env: Environment, said: Mapping[str, str], made: Path) -> tuple[dict[str, Any], Path]:
    """The user's file if there is one, or one was named; else the demo."""
    ours = env.config.resolve() == made
    if not ours and (said.get("RELAY_CONFIG") or env.config.exists()):
        return settings.read(env.config), env.config
    return demo(env.data_dir.resolve()), made


def demo(data_dir: Path) -> dict[str, Any]:
    """One source, and one for each adapter of another distribution: so its author tries it."""
    settings.kept_secret(data_dir, "demo_token", length=18)
    common = {"destination": "main", "tokens": [f"file:{data_dir / 'demo_token'}"], "currency": "USD"}
    return {
        "destinations": {"main": {"api_key": "env:SEQUENZY_API_KEY"}},
        "sources": {
            "demo": {"adapter": "checkoutchamp", "timezone": "America/New_York", **common},
            **{name: {"adapter": name, **common} for name in registry.foreign()},
        },
    }


def _stand_in(
    raw: Mapping[str, Any], said: Mapping[str, str], url: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The configuration with the stand-in where a key is missing, and the names of those destinations."""
    destinations = raw.get("destinations")
    if not isinstance(destinations, Mapping):
        return dict(raw), ()
    keyless = tuple(name for name, table in destinations.items() if _keyless(table, said))
    pointed = {name: {**destinations[name], "api_key": _STANDIN_KEY, "url": url} for name in keyless}
    return {**raw, "destinations": {**destinations, **pointed}}, keyless


def _keyless(destination: Any, said: Mapping[str, str]) -> bool:
    if not isinstance(destination, Mapping):
        return False
    key = destination.get("api_key", "")
    return not key or (
        isinstance(key, str) and key.startswith("env:") and not said.get(key.removeprefix("env:"))
    )


def _write(file: Path, raw: Mapping[str, Any]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(b"# Written by `relay dev` at every start: change relay.toml instead.\n")
        tomli_w.dump(raw, out)


class _House:
    """All that runs, and the order in which it starts and ends."""

    def __init__(self, plan: Plan, commands: Commands, hold: Hold) -> None:
        self._plan = plan
        self._life: asyncio.Task[None] | None = None
        self._deaths: list[asyncio.Task[None]] = []
        env = plan.variables()
        self._redis = EmbeddedRedis(plan.file.parent, hold=hold) if plan.env.redis_url is None else None
        self._standin = (
            Child(
                "stand-in",
                (*commands.standin, "--host", LOOPBACK, "--port", str(plan.standin_port)),
                env=env,
                output=asyncio.subprocess.DEVNULL,
            )
            if plan.stood_in
            else None
        )
        ending = plan.config.longest_end.total_seconds() + GRACE
        self._web = Child("relay serve", commands.serve, env=env, grace=2 * GRACE)
        self._worker = Child("relay work", commands.work, env=env, grace=ending)

    @property
    def _services(self) -> tuple[EmbeddedRedis | Child, ...]:
        """In the order of their start."""
        everyone = (self._redis, self._standin, self._web, self._worker)
        return tuple(service for service in everyone if service is not None)

    @property
    def _port_file(self) -> Path:
        """Where other commands find the port."""
        return self._plan.file.with_name("dev.port")

    async def live(self) -> None:
        self._life = asyncio.create_task(self._run())
        try:
            await asyncio.wait((self._life,))
        finally:
            self._life.cancel()
            await asyncio.wait((self._life,))
            await self._close()
        if not self._life.cancelled():
            self._life.result()

    def interrupt(self) -> None:
        """The first time, end gracefully; after that, at once."""
        if self._life is not None and self._life.cancel():
            return
        self._deaths = [asyncio.create_task(service.kill()) for service in self._services]

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as keepers:
                for service in self._services:
                    await service.start()
                    keepers.create_task(keep(service))
                    if service is self._standin:
                        await _listening(self._plan.standin_port)
                await self._answering()
                self._port_file.write_text(str(self._plan.port))
                sys.stdout.write(banner(self._plan))
                sys.stdout.flush()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _answering(self) -> None:
        url = f"http://{reach(self._plan.env.host)}:{self._plan.port}/readyz"
        try:
            async with asyncio.timeout(_READY), httpx.AsyncClient(trust_env=False) as client:
                while not await _answers(client, url):  # noqa: ASYNC110  (another process sets no event)
                    await asyncio.sleep(_POLL)
        except TimeoutError as error:
            raise SettingsError(
                f"{url} gave no 200 in {_READY:.0f} s; the web process says why above"
            ) from error

    async def _close(self) -> None:
        self._port_file.unlink(missing_ok=True)
        await asyncio.gather(self._web.stop(), self._worker.stop())
        if self._standin is not None:
            await self._standin.stop()
        if self._redis is not None:
            await self._redis.stop()
        await asyncio.gather(*self._deaths)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).is_success
    except httpx.TransportError:
        return False


async def _listening(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return await writer.wait_closed()
        await asyncio.sleep(_POLL)


@contextmanager
def _interrupts(house: _House) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for which in wanted:
        loop.add_signal_handler(which, house.interrupt)
    try:
        yield
    finally:
        for which in wanted:
            loop.remove_signal_handler(which)


def banner(plan: Plan) -> str:
    """What a person needs next, as plain text."""
    here = site(plan.env.host, plan.port)
    outside = site(plan.env.host, plan.port, plan.env.public_url)
    advice = "" if plan.env.public_url else " (from outside: your public address instead)"
    lines = ["", "The relay runs; Ctrl-C stops it.", "", f"Postback URLs{advice}:"]
    lines += [f"  {name}  {_url(outside, name, source)}" for name, source in plan.config.sources.items()]
    lines += ["", "Send a sale:", f"  {_example(plan, here)}", "", "See what became of it:"]
    lines += [f"  dashboard  {here}/ops/", f"  one relay  {_relay_command()} show ID{_data_flag(plan)}"]
    lines += [f"  calls to {name} go to {_leads_to(plan, name)}" for name in plan.config.destinations]
    return "\n".join((*lines, "", ""))


def _url(site: str, name: str, source: Source) -> str:
    return postback_url(site, name, source.tokens[0].get_secret_value())


def _example(plan: Plan, site: str) -> str:
    for name, source in plan.config.sources.items():
        if source.adapter == "checkoutchamp":
            return curl(_url(site, name, source), sale(source))
    return f"{_relay_command()} send {next(iter(plan.config.sources))} FILE{_data_flag(plan)}"


def curl(url: str, body: Mapping[str, Any]) -> str:
    """One line for a POSIX shell."""
    words = (
        "curl",
        "-sS",
        "-H",
        "Content-Type: application/json",
        "-d",
        json.dumps(body, separators=(",", ":")),
        url,
    )
    return shlex.join(words)


def sale(source: Source) -> dict[str, Any]:
    """A CheckoutChamp sale of now, with an id of its own, as the platform sends it: flat, money as text."""
    now = datetime.now(source.timezone or UTC)
    return {
        "customerType": "SALE",
        "orderId": int(time.time()),
        "clientOrderId": f"{secrets.randbits(40):010X}",
        "orderStatus": "COMPLETE",
        "responseType": "SUCCESS",
        "dateCreated": f"{now:%Y-%m-%d %H:%M:%S}",
        "firstName": "Dana",
        "lastName": "Example",
        "emailAddress": "dana@example.com",
        "country": "US",
        "totalPrice": "54.95",
        "totalShipping": "5.95",
        "currencyCode": source.currency or "USD",
        "product1_name": "Glow Serum",
        "product1_crmId": "601",
        "product1_sku": "GLOW-1",
        "product1_qty": "1",
        "product1_price": "49.00",
    }


def _leads_to(plan: Plan, name: str) -> str:
    if name in plan.stood_in:
        return f"the stand-in, which mails nobody: http://{LOOPBACK}:{plan.standin_port}/"
    return f"{plan.config.destinations[name].url}, with your key: real calls"


def _relay_command() -> str:
    script = Path(sys.executable).with_name("relay")
    if not script.exists():
        return f"{shlex.quote(sys.executable)} -m relay"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _data_flag(plan: Plan) -> str:
    data = plan.file.parent
    return "" if data == Path(".relay").resolve() else f" --data {shlex.quote(str(data))}"
