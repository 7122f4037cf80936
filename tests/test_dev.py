"""`relay dev`: one terminal, everything in it, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import tomllib
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from relay import addresses, dev, settings
from relay.children import Child, keep
from relay.dev import Commands
from relay.embedded import Hold, socket_path
from relay.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from relay.settings import Environment

CHILD = """
import http.server, os, signal, sys
from pathlib import Path

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

def port():
    return int(sys.argv[sys.argv.index("--port") + 1] if "--port" in sys.argv else os.environ["RELAY_PORT"])

name, behaviour = sys.argv[1:3]
if behaviour == "refuses":
    sys.exit("relay.toml: no such thing")
if behaviour == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
written = Path(os.environ["RELAY_DATA_DIR"], name + ".new")
written.write_text(str(os.getpid()))
written.rename(written.with_suffix(".pid"))
if name == "work":
    while True:
        signal.pause()
http.server.HTTPServer(("127.0.0.1", port()), Page).serve_forever()
"""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No relay.toml and no .env of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("RELAY_", "SEQUENZY_"))]:
        monkeypatch.delenv(name)


def said_by(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"RELAY_DATA_DIR": str(tmp_path / "data"), "RELAY_PORT": "0", **more}


def planned(said: dict[str, str]) -> dev.Plan:
    env = settings.environment(said)
    Hold(env.data_dir).release()
    return dev.plan(env, said)


def written(tmp_path: Path) -> dict[str, Any]:
    return tomllib.loads((tmp_path / "data" / "dev.toml").read_text())


def user_writes(tmp_path: Path, text: str) -> None:
    (tmp_path / "relay.toml").write_text(text)


TWO_DESTINATIONS = """
[destinations.mine]
api_key = "env:MY_KEY"
[destinations.other]
api_key = "env:OTHER_KEY"
rate_per_minute = 7
[sources.shop]
adapter = "generic"
destination = "mine"
tokens = ["a b/c"]
"""


def test_without_a_relay_toml_there_is_a_demo_that_mails_nobody(tmp_path: Path) -> None:
    plan = planned(said_by(tmp_path))
    assert plan.config.sources["demo"].adapter == "checkoutchamp"
    assert plan.config.destinations["main"].url == f"http://127.0.0.1:{plan.standin_port}/api/v1"
    assert plan.stood_in == ("main",)


def test_the_demos_token_is_kept_and_is_not_in_its_configuration(tmp_path: Path) -> None:
    tokens = [planned(said_by(tmp_path)).config.sources["demo"].tokens[0].get_secret_value() for _ in "12"]
    assert tokens[0] == tokens[1]
    assert tokens[0] not in (tmp_path / "data" / "dev.toml").read_text()


def test_a_key_in_the_environment_makes_the_demo_send_for_real_and_is_not_written_down(
    tmp_path: Path,
) -> None:
    plan = planned(said_by(tmp_path, SEQUENZY_API_KEY="seq_live_1"))
    assert plan.stood_in == ()
    assert plan.config.destinations["main"].url == settings.DEFAULT_URL
    assert written(tmp_path)["destinations"]["main"] == {"api_key": "env:SEQUENZY_API_KEY"}
    assert "real calls" in dev.banner(plan)


def test_only_a_destination_without_its_key_is_given_the_stand_in(tmp_path: Path) -> None:
    user_writes(tmp_path, TWO_DESTINATIONS)
    plan = planned(said_by(tmp_path, MY_KEY="seq_live_1"))
    assert plan.stood_in == ("other",)
    destinations = written(tmp_path)["destinations"]
    assert destinations["mine"] == {"api_key": "env:MY_KEY"}
    assert destinations["other"]["url"] == f"http://127.0.0.1:{plan.standin_port}/api/v1"
    assert destinations["other"]["rate_per_minute"] == 7


def test_what_it_writes_is_for_its_owner_alone(tmp_path: Path) -> None:
    planned(said_by(tmp_path))
    modes = {
        path: stat.S_IMODE((tmp_path / "data" / path).stat().st_mode)
        for path in ("", "dev.toml", "demo_token")
    }
    assert modes == {"": 0o700, "dev.toml": 0o600, "demo_token": 0o600}


def test_a_fault_is_told_of_the_file_the_user_wrote(tmp_path: Path) -> None:
    user_writes(tmp_path, TWO_DESTINATIONS.replace("adapter", "adaptor"))
    with pytest.raises(SettingsError, match=r"^relay\.toml: sources\.shop\.adapt"):
        planned(said_by(tmp_path))


def test_a_configuration_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"shop\.toml does not exist"):
        planned(said_by(tmp_path, RELAY_CONFIG="shop.toml"))


def test_its_own_configuration_of_last_time_is_not_taken_for_the_users(tmp_path: Path) -> None:
    planned(said_by(tmp_path))
    made = str(tmp_path / "data" / "dev.toml")
    plan = planned(said_by(tmp_path, RELAY_CONFIG=made, SEQUENZY_API_KEY="seq_live_1"))
    assert plan.stood_in == ()


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("RELAY_PORT=9001\nRELAY_LOG_LEVEL=debug\n")
    monkeypatch.setenv("RELAY_PORT", "9002")
    said = dev.variables()
    assert (said["RELAY_PORT"], said["RELAY_LOG_LEVEL"]) == ("9002", "debug")


def test_a_taken_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^port {port} is taken; .*--port or RELAY_PORT$"):
            planned(said_by(tmp_path, RELAY_PORT=str(port)))
    assert not (tmp_path / "data" / "dev.toml").exists()


def test_an_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected an address of this machine"):
        planned(said_by(tmp_path, RELAY_HOST="192.0.2.1"))


def test_the_stand_in_makes_way_where_its_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert addresses.port_near(taken) != taken


def test_beyond_the_highest_port_the_stand_in_takes_another() -> None:
    assert addresses.port_near(65_536) < 65_536


def test_the_curl_line_is_a_sale_that_a_shell_reads_as_meant(tmp_path: Path) -> None:
    plan = planned(said_by(tmp_path))
    line = next(line for line in dev.banner(plan).splitlines() if line.startswith("  curl "))
    read = subprocess.check_output(["/bin/sh", "-c", f'set -- {line}; printf "%s\\n" "$@"'], text=True)
    words = read.splitlines()
    sale = json.loads(words[words.index("-d") + 1])
    token = plan.config.sources["demo"].tokens[0].get_secret_value()
    assert words[-1] == f"http://localhost:{plan.port}/in/demo/{token}"
    assert (sale["customerType"], sale["currencyCode"]) == ("SALE", "USD")


def test_every_curl_line_is_about_an_order_of_its_own(tmp_path: Path) -> None:
    source = planned(said_by(tmp_path)).config.sources["demo"]
    assert dev.sale(source)["clientOrderId"] != dev.sale(source)["clientOrderId"]


def test_a_token_with_odd_characters_makes_a_url_all_the_same(tmp_path: Path) -> None:
    user_writes(tmp_path, TWO_DESTINATIONS)
    plan = planned(said_by(tmp_path))
    assert f"http://localhost:{plan.port}/in/shop/a%20b%2Fc" in dev.banner(plan)


def test_the_example_for_production_is_a_configuration() -> None:
    example = Path(__file__).parents[1] / "deploy" / "relay.example.toml"
    config = settings.load(example, {"SEQUENZY_API_KEY": "seq_live_1", "MY_STORE_TOKEN": "t"})
    assert list(config.sources) == ["my-store"]


class Running:
    """A `relay dev` of small programs."""

    def __init__(self, data: Path, env: Environment, task: asyncio.Task[int]) -> None:
        self.data = data
        self.env = env
        self.task = task

    def pid(self, name: str) -> int:
        return int((self.data / f"{name}.pid").read_text())

    def nothing_is_left(self) -> bool:
        Hold(self.data).release()
        pids = [int(file.read_text()) for file in self.data.glob("*.pid")]
        return not any(map(alive, pids)) and not socket_path(self.data).exists()


def alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def eventually(true: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            found = true()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], **behaviour: str
) -> AsyncIterator[Running]:
    (tmp_path / "child.py").write_text(CHILD)
    commands = Commands(
        **{
            name: (sys.executable, str(tmp_path / "child.py"), name, behaviour.get(name, "well"))
            for name in ("serve", "work", "standin")
        }
    )
    said = {**os.environ, **said_by(tmp_path)}
    env = settings.environment(said)
    task = asyncio.create_task(dev.run(env, said, commands))
    shown: list[str] = []

    def up() -> bool:
        shown.append(capfd.readouterr().out)
        return task.done() or (
            "The relay runs" in "".join(shown) and (tmp_path / "data" / "work.pid").exists()
        )

    try:
        await eventually(up)
        yield Running(tmp_path / "data", env, task)
    finally:
        if not task.done():
            os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait((task,))


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_everything_and_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], which: signal.Signals
) -> None:
    async with running(tmp_path, capfd) as relay:
        os.kill(os.getpid(), which)
        assert await relay.task == 0
        assert relay.nothing_is_left()


async def test_a_child_that_dies_is_started_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path, capfd) as relay:
        first = relay.pid("serve")
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: relay.pid("serve") != first)


async def test_a_second_ctrl_c_waits_for_nobody(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with running(tmp_path, capfd, work="stubborn") as relay:
        os.kill(os.getpid(), signal.SIGINT)
        await eventually(lambda: not alive(relay.pid("serve")))
        assert alive(relay.pid("work"))
        os.kill(os.getpid(), signal.SIGINT)
        assert await relay.task == 0
        assert not alive(relay.pid("work"))
        Hold(relay.data).release()


@pytest.mark.parametrize("refusing", ["serve", "work", "standin"])
async def test_a_child_that_cannot_start_ends_everything_with_its_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], refusing: str
) -> None:
    async with running(tmp_path, capfd, **{refusing: "refuses"}) as relay:
        await asyncio.wait((relay.task,))
        with pytest.raises(SettingsError, match="ended three times right after its start"):
            relay.task.result()
        assert relay.nothing_is_left()


async def test_a_second_relay_dev_in_the_same_folder_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running(tmp_path, capfd) as relay:
        with pytest.raises(SettingsError, match="another `relay dev`"):
            await dev.run(relay.env)


async def test_a_service_that_ends_in_an_orderly_way_is_started_again_too() -> None:
    child = Child("calm", (sys.executable, "-c", ""))
    starts: list[int] = []

    class Counted:
        name = "calm"
        wait, stop, kill = child.wait, child.stop, child.kill

        async def start(self) -> None:
            await child.start()
            starts.append(child.pid)

    keeper = asyncio.create_task(keep(Counted(), first_pause=0))
    await eventually(lambda: len(starts) > 4)
    keeper.cancel()
    await asyncio.wait((keeper,))
    await child.stop()


# From here on the real thing: `python -m relay dev` as a person starts it.


def environment_of(tmp_path: Path) -> dict[str, str]:
    here = str(Path(__file__).parents[1])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH")))),
        "RELAY_DATA_DIR": str(tmp_path / "data"),  # also how `processes_of` knows them
    }


def processes_of(tmp_path: Path) -> set[int]:
    """Those that have our data folder in their environment, by the system's own list."""
    wanted = f"RELAY_DATA_DIR={tmp_path / 'data'}".encode()
    found = set()
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if wanted in file.read_bytes().split(b"\0"):
                found.add(int(file.parent.name))
    return found


@asynccontextmanager
async def real(tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "relay", "dev", "--port", "0"),
        cwd=tmp_path,
        env=environment_of(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def the_line(process: asyncio.subprocess.Process, start: str) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for line in process.stdout:
            if line.decode().startswith(start):
                return shlex.split(line.decode())
    raise AssertionError(f"`relay dev` ended without a line that starts with {start!r}")


async def test_the_printed_curl_line_reaches_the_stand_in_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    async with real(tmp_path) as process, httpx.AsyncClient(trust_env=False) as client:
        curl = await the_line(process, "  curl ")
        standin = (await the_line(process, "  calls to main "))[-1]
        url = httpx.URL(curl[-1]).copy_with(host="127.0.0.1")
        sale = curl[curl.index("-d") + 1]

        answer = await client.post(url, content=sale, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")

        async def arrived() -> bool:
            received = (await client.get(f"{standin}_standin/received")).text
            return json.loads(sale)["clientOrderId"] in received

        await eventually(arrived)
        process.send_signal(signal.SIGINT)
        await process.communicate()

        assert process.returncode == 0
        assert processes_of(tmp_path) == set()
        assert addresses.free_port("127.0.0.1", url.port or 0) == url.port


async def test_a_killed_relay_dev_takes_its_children_with_it(tmp_path: Path) -> None:
    async with real(tmp_path) as process:
        await the_line(process, "  calls to main ")
        process.kill()
        await process.communicate()
        await eventually(lambda: processes_of(tmp_path) == set())
