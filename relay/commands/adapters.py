"""`relay adapters list`, `new` and `test`: the adapter kit."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from relay.commands.tools import Json, print_json
from relay.errors import SettingsError
from relay.testing import fixtures, scaffold, subjects
from relay.testing.subjects import Subject

adapters: Final = typer.Typer(help="List, make and test adapters.", no_args_is_help=True)
_SHOWN: Final = 10


@adapters.command("list")
def list_(as_json: Json = False) -> None:
    """List installed adapters: where from, what their fixtures cover, what is left to do."""
    found = [_told(subjects.subject(name)) for name in subjects.names()]
    if as_json:
        print_json(found)
        return
    for one in found:
        typer.echo(f"{one['adapter']} ({one['distribution']})\n  {one['folder']}")
        kinds = ", ".join(f"{n} {kind}" for kind, n in one["fixtures"].items()) or "none"
        typer.echo(f"  fixtures: {kinds}")
        if one["todos"]:
            typer.echo(f"  to do: {len(one['todos'])}, first {one['todos'][0]}")


def _told(subject: Subject) -> dict[str, Any]:
    counted = Counter(
        "error" if "error" in step.expected else "ignored" if "ignored" in step.expected else event["kind"]
        for fixture in subject.fixtures
        for step in fixture.steps
        for event in step.expected.get("events") or [{"kind": ""}]
    )
    return {
        "adapter": subject.name,
        "distribution": subject.distribution,
        "folder": str(subject.folder),
        "fixtures": dict(sorted(counted.items())),
        "todos": [str(todo) for todo in scaffold.todos(subject.folder)],
    }


@adapters.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and underscores.")],
    into: Annotated[
        Path, typer.Option("--in", help="The folder to make it in.", exists=True, file_okay=False)
    ] = Path(),
) -> None:
    """Make the folder of a new adapter: it works, passes its tests, and lists what is to do."""
    if name in subjects.names():
        raise SettingsError(f"an adapter {name!r} is installed already: see `relay adapters list`")
    folder = scaffold.make(name, into)
    typer.echo(f"{folder}/ is made; nothing else was touched. Next:")
    typer.echo(f"  {Path(sys.executable).name} -m pip install -e {_shown(folder)}")
    typer.echo(f"  relay adapters test {name}")
    typer.echo("Then what is to do:")
    for todo in scaffold.todos(folder / f"relay_{name}"):
        typer.echo(f"  {folder / todo.file}:{todo.line}: {todo.says}")


def _shown(folder: Path) -> str:
    return str(folder) if folder.is_absolute() else f"./{folder}"


@adapters.command("test", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def put_to_the_test(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Without it, all that are installed.")
    ] = None,
    mutations: Annotated[
        int | None, typer.Option("--mutations", min=1, help="How many spoilt requests for each (1000).")
    ] = None,
) -> None:
    """Run the hard tests on an adapter's fixtures; further words go to pytest."""
    if find_spec("pytest") is None:
        raise SettingsError(
            f"the hard tests run on pytest, which is not installed: {sys.executable} -m pip install pytest"
        )
    tested = [subjects.subject(name)] if name else [subjects.subject(n) for n in subjects.names()]
    suite = str(Path(subjects.__file__).with_name("suite.py"))
    words = [
        *("-c", os.devnull, "--rootdir", str(Path.cwd()), "-p", "no:cacheprovider", "-q"),
        *("-p", "relay.testing.plugin", *([f"--mutations={mutations}"] if mutations else [])),
        *([f"{suite}::Test_{one.name}" for one in tested]),
        *context.args,
    ]
    # Without the plug-ins that happen to be installed: the hard tests need none.
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", *words]
    code = subprocess.run(command, env=env, check=False).returncode  # noqa: S603 - our own words
    for one in tested:
        _say_todos(one)
    raise typer.Exit(code)


@adapters.command()
def accept(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Write what each fixture becomes now into the file beside it; then read the diff."""
    folder, kind = subjects.place(name)
    changed, left = fixtures.accept(kind, folder / subjects.FIXTURES)
    for file in changed:
        typer.echo(f"written: {file}")
    for what in left:
        typer.echo(f"left alone: {what}: mend the mapping, or rename the files")
    if not changed and not left:
        typer.echo("every fixture is what the file beside it says")
    raise typer.Exit(1 if left else 0)


def _say_todos(subject: Subject) -> None:
    todos = scaffold.todos(subject.folder)
    for todo in todos[:_SHOWN]:
        typer.echo(f"to do: {todo}")
    if len(todos) > _SHOWN:
        typer.echo(f"to do: and {len(todos) - _SHOWN} more")
