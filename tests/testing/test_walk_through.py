"""The seven steps of adapters/README.md, done word for word by somebody with nothing but a new folder."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
import sysconfig
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "adapters" / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
CODE = next(text for kind, text in BLOCKS if kind == "python")
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
REQUESTS = dict(re.findall(r"`(\w+\.http)`[^`]*```http\n(.*?)```", GUIDE, re.DOTALL))


@dataclass
class Person:
    """Somebody at a terminal: an environment of their own, with the relay in it, and no network."""

    folder: Path
    environment: Path
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def arrived(cls, tmp_path: Path) -> Person:
        person = cls(tmp_path / "work", tmp_path / "environment")
        person.folder.mkdir()
        venv.create(person.environment, with_pip=False)
        _lend(person.environment)
        return person

    async def types(self, commands: str) -> str:
        """Runs the lines of a shell, each of which must succeed; the next ones begin where these ended."""
        ended = self.environment / "ended"
        process = await self.started("bash", "-euc", f"{commands}\npwd > {shlex.quote(str(ended))}")
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        self.folder = Path(ended.read_text().strip())
        return out.decode()

    async def started(self, *command: str) -> asyncio.subprocess.Process:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={
                **kept,
                "PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "PIP_NO_INDEX": "1",
                "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say: build with what is here
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PYTEST_ADDOPTS": "--mutations=200",
                **self.variables,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    @asynccontextmanager
    async def running_relay(self) -> AsyncIterator[str]:
        """`relay dev`, until done; gives the address of the stand-in."""
        process = await self.started("relay", "dev", "--port", "0")
        try:
            async with asyncio.timeout(60):
                said = [await _line(process)]
                while not said[-1].startswith("  calls to main "):
                    said.append(await _line(process))
            rest = asyncio.create_task(process.communicate())
            yield said[-1].split()[-1]
        finally:
            process.terminate()
        await rest


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line, "`relay dev` ended"
    return line


def _lend(environment: Path) -> None:
    """What is installed here is installed there too, but nothing that is installed there is here."""
    site = next((environment / "lib").glob("python*/site-packages"))
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    command = environment / "bin" / "relay"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(str(environment / "bin" / "python"))} -m relay "$@"\n')
    command.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the guide's commands are those of a POSIX shell")
async def test_the_guide_leads_from_nothing_to_a_delivered_order(tmp_path: Path) -> None:
    make, send, capture, name, accept, deliver = COMMANDS
    person = Person.arrived(tmp_path)

    made = await person.types(make)
    assert " passed" in made
    assert "to do: " in made
    (home,) = (tmp_path / "work").iterdir()
    for file, request in REQUESTS.items():
        (home / file).write_text(request.replace("2026-11-02", f"{datetime.now(UTC):%Y-%m-%d}"))

    async with person.running_relay():
        sent = await person.types(send)
        ids = re.findall(r'"id": ?"(\w+)"', sent)
        assert sent.count('"dead"') == 2
        captured = await person.types(capture)
    assert "error__unsupported_event_2.http" in captured

    await person.types(name)
    (home / "relay_acme" / "__init__.py").write_text(CODE)
    accepted = await person.types(accept)
    assert accepted.count("written: ") == 2
    assert " passed" in accepted
    assert "to do: relay_acme" not in accepted

    person.variables = dict(zip(("PAID", "BACK"), ids, strict=True))
    async with person.running_relay() as standin, httpx.AsyncClient(trust_env=False) as client:
        await person.types(deliver)
        orders = await _orders(client, standin)
    assert [(o["orderId"], o["status"], o["totalCents"], o["currency"]) for o in orders] == [
        ("K-2041", "placed", 5990, "EUR"),
        ("K-2041", "refunded", 5990, "EUR"),
    ]
    assert orders[1]["refundAmountCents"] == 1000
    assert orders[0]["customer"] == {
        "email": "lena.brandt@mail.example",
        "firstName": "Lena",
        "lastName": "Brandt",
    }
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["acme"]
    fixtures = "".join(path.read_text() for path in (home / "relay_acme" / "fixtures").iterdir())
    assert "lena" not in fixtures.lower()
    assert "brandt" not in fixtures.lower()


async def _orders(client: httpx.AsyncClient, standin: str) -> list[dict[str, object]]:
    """What the stand-in was sent, once that is two orders."""
    async with asyncio.timeout(30):
        while True:
            told = (await client.get(f"{standin}_standin/received")).json()
            if told["accepted_total"] == 2:
                return [record["body"] for record in told["received"]]
            await asyncio.sleep(0.05)


def test_the_guide_is_one_page_of_seven_steps_and_its_adapter_is_short() -> None:
    assert re.findall(r"^\*\*(\d)\. ", GUIDE, re.MULTILINE) == list("1234567")
    assert len(CODE.splitlines()) < 100
