"""`relay adapters`: a folder to begin with, the hard tests on the command line, and what is there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from relay.testing import subjects
from tests.shell import Shell
from tests.testing import bad_adapters as bad

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, {})


def bring(shell: Shell, *paths: Path) -> None:
    """Lets `paths` be looked in for distributions, as an installed one would be."""
    shell.variables["PYTHONPATH"] = os.pathsep.join(map(str, (*paths, ROOT)))


async def test_new_makes_a_folder_and_touches_nothing_else(shell: Shell) -> None:
    made = await shell.relay("adapters", "new", "big_shop")
    assert made.code == 0, made.err
    assert [path.name for path in shell.folder.iterdir()] == ["big_shop"]
    words = (shell.folder / "big_shop" / "pyproject.toml").read_text()
    assert 'big_shop = "relay_big_shop:BigShop"' in words
    assert 'name = "relay-big-shop"' in words
    assert "big_shop/relay_big_shop/__init__.py:" in made.out  # the first to-dos, by file and line


async def test_a_name_that_begins_as_the_template_s_is_no_trouble(shell: Shell) -> None:
    await shell.relay("adapters", "new", "acme_eu")
    words = (shell.folder / "acme_eu" / "pyproject.toml").read_text()
    assert 'name = "relay-acme-eu"' in words
    assert 'acme_eu = "relay_acme_eu:AcmeEu"' in words


async def test_new_overwrites_nothing(shell: Shell) -> None:
    (shell.folder / "acme").mkdir()
    (shell.folder / "acme" / "mine").write_text("precious")
    made = await shell.relay("adapters", "new", "acme")
    assert made.code == 1
    assert "acme is there already" in made.err
    assert [path.name for path in (shell.folder / "acme").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    "name", ["Acme", "2fast", "a-b", "a__b", "../up", "class", "x" * 41, "", "checkoutchamp"]
)
async def test_new_refuses_what_is_no_name_or_is_taken(shell: Shell, name: str) -> None:
    made = await shell.relay("adapters", "new", name)
    assert made.code == 1
    assert len(made.err.strip().splitlines()) == 1
    assert not list(shell.folder.iterdir())


async def test_an_adapter_that_is_not_installed_is_told_how_to_be(shell: Shell) -> None:
    await shell.relay("adapters", "new", "acme")
    here = await shell.relay("adapters", "test", "acme")
    nowhere = await shell.relay("adapters", "test", "nothing")
    assert "pip install -e ./acme" in here.err
    assert "relay adapters new nothing" in nowhere.err
    assert (here.code, nowhere.code) == (1, 1)


async def test_list_tells_of_every_installed_adapter(
    shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bring(shell, bad.installed(tmp_path_factory.mktemp("brought"), bad.Good))
    listed = (await shell.relay("adapters", "list", "--json")).json
    assert {one["adapter"] for one in listed} == {*subjects.names(), "subject"}
    (brought,) = (one for one in listed if one["adapter"] == "subject")
    assert brought["distribution"] == "bad-adapter 0"
    assert brought["fixtures"] == {"error": 1, "order.fulfilled": 1, "order.placed": 4}


async def test_the_hard_tests_pass_on_a_good_adapter(shell: Shell) -> None:
    bring(shell, bad.installed(shell.folder, bad.Good))
    ran = await shell.relay("adapters", "test", "subject", "--mutations", "50")
    assert ran.code == 0, ran.out
    assert " passed" in ran.out


async def test_the_hard_tests_fail_with_advice_and_no_traceback_of_their_own(shell: Shell) -> None:
    bring(shell, bad.installed(shell.folder, bad.GuessesASale))
    ran = await shell.relay("adapters", "test", "subject", "--mutations", "50", "-k", "unknown_words")
    assert ran.code == 1
    assert "becomes order.placed" in ran.out
    assert "Look the platform's word up in a table" in ran.out
    assert "relay/testing" not in ran.out.replace("relay/testing/suite.py", "")


async def test_accept_writes_down_what_comes_but_not_what_is_named_otherwise(shell: Shell) -> None:
    fixtures = bad.installed(shell.folder, bad.Good) / "bad_adapter" / "fixtures"
    bring(shell, shell.folder)
    expected = (fixtures / "order_placed__paid.json").read_text()
    (fixtures / "order_placed__paid.json").unlink()
    (fixtures / "order_placed__number.json").write_text('{"not_words": ["id"], "ignored": "no"}')
    (fixtures / "order_fulfilled__sent.http").rename(fixtures / "order_cancelled__sent.http")
    ran = await shell.relay("adapters", "accept", "subject")
    assert ran.code == 1
    assert "order_cancelled__sent becomes order.fulfilled" in ran.out
    assert not (fixtures / "order_cancelled__sent.json").exists()
    assert (fixtures / "order_placed__paid.json").read_text() == expected
    kept = json.loads((fixtures / "order_placed__number.json").read_text())
    assert kept["not_words"] == ["id"]
    assert kept["events"][0]["kind"] == "order.placed"


async def test_without_pytest_the_command_says_so_in_one_line(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text("import sys; sys.modules['pytest'] = None\n")
    bring(shell, shell.folder)
    ran = await shell.relay("adapters", "test")
    assert ran.code == 1
    assert "pip install pytest" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
