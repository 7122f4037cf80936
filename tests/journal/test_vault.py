"""Encryption at rest: with a key nothing of a person lies in clear; without the right one nothing is lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from relay import worker
from relay.embedded import EmbeddedRedis
from relay.errors import VaultShut
from relay.journal.forget import forget
from relay.journal.vault import Key, Vault
from relay.receive.spool import Spool
from tests.journal.test_leases import recording
from tests.shell import Shell
from tests.support import House, RedisProcess, fulfilled, placed

OLD = {"id": "2025-10", "secret": "an old secret of more than thirty-two letters"}
NEW = {"id": "2026-11", "secret": "a new secret of more than thirty-two letters!"}
WHO = {"email": "dana.secret@example.com", "first_name": "Danaxyz", "last_name": "Examplexyz"}
TRACES = (b"dana.secret", b"Danaxyz", b"Examplexyz")


def files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def sale(order: str = "A-1") -> dict[str, object]:
    return placed(order) | {"customer": WHO}


def test_what_one_key_sealed_every_vault_that_has_it_opens() -> None:
    old, new = Key("old", "o" * 32), Key("new", "n" * 32)
    sealed = Vault([old]).seal(b"a body")
    assert b"a body" not in sealed
    assert Vault([new, old]).open(sealed) == b"a body"
    assert Vault([new, old]).open(b"{}") == b"{}"  # from before there was a key


def test_a_key_that_is_missing_or_another_is_named() -> None:
    sealed = Vault([Key("old", "o" * 32)]).seal(b"a body")
    with pytest.raises(VaultShut, match=r"the key 'old' is not in \[encryption\]"):
        Vault([Key("new", "n" * 32)]).open(sealed)
    with pytest.raises(VaultShut, match="the key 'old' has another secret"):
        Vault([Key("old", "x" * 32)]).open(sealed)


def test_what_was_changed_is_not_opened() -> None:
    vault = Vault([Key("old", "o" * 32)])
    sealed = bytearray(vault.seal(b"a body"))
    sealed[-1] ^= 1
    with pytest.raises(VaultShut):
        vault.open(bytes(sealed))


async def test_nothing_of_a_person_lies_in_redis_files_nor_in_the_spool(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path / "redis") as redis, House.built(redis.url, tmp_path) as house:
        house.raw["encryption"] = {"keys": [NEW]}
        await house.start()
        first = await house.post(sale())
        await house.until(first.id, "delivered")
        second = await house.post(fulfilled("A-1") | {"customer": WHO})
        detail = await house.until(second.id, "delivered")
        assert detail.postback is not None
        assert "dana.secret" in detail.postback["body"]
        assert house.standin.accepted[1].body["customer"]["email"] == WHO["email"]
        spool = Spool(tmp_path, vault=house.journal().vault)
        await spool.put(recording("A-2", email=WHO["email"]))
        found = [spooled.recording.email for spooled in await spool.first(1)]
        assert found == [WHO["email"]]
        await spool.close()
        kept = [file.read_bytes() for file in files_in(tmp_path)]
        assert sum(len(content) for content in kept) > 1000
        assert not [trace for trace in TRACES for content in kept if trace in content]


async def test_a_key_is_rotated_while_relays_wait(house: House) -> None:
    house.raw["encryption"] = {"keys": [OLD]}
    await house.serve()
    before = await house.post(sale())
    await house.stop()
    house.raw["encryption"] = {"keys": [NEW, OLD]}
    await house.start()
    after = await house.post(fulfilled("A-1") | {"customer": WHO})
    await house.until(before.id, "delivered")
    await house.until(after.id, "delivered")
    assert [record.body["status"] for record in house.standin.accepted] == ["placed", "fulfilled"]


async def test_what_was_recorded_without_a_key_is_sent_with_one(house: House) -> None:
    await house.serve()
    answer = await house.post(sale())
    await house.stop()
    house.raw["encryption"] = {"keys": [NEW]}
    await house.start()
    await house.until(answer.id, "delivered")


async def test_a_worker_without_the_key_does_not_start_and_nothing_is_lost(house: House) -> None:
    house.raw["encryption"] = {"keys": [OLD]}
    await house.serve()
    await house.journal().unlock()
    answer = await house.post(sale())
    house.raw["encryption"] = {"keys": [NEW]}
    with pytest.raises(VaultShut, match="'2025-10'"):
        await worker.work(house.env, house.config, asyncio.Event())
    house.raw["encryption"] = {"keys": [NEW, OLD]}
    await house.work()
    await house.until(answer.id, "delivered")


async def test_a_worker_that_learns_of_a_key_too_late_leaves_the_relay_as_it_was(house: House) -> None:
    await house.work()
    house.raw["encryption"] = {"keys": [NEW]}
    await house.serve()
    answer = await house.post(sale())
    detail = await house.until_put_back(answer.id)
    assert (detail.relay.status, detail.relay.attempts) == ("queued", 0)
    assert not house.standin.received


async def test_forgetting_looks_into_what_is_sealed(house: House) -> None:
    house.raw["encryption"] = {"keys": [NEW]}
    await house.start()
    answer = await house.post_bytes(b'{"customer": "dana.secret@example.com"')  # nobody can read it
    assert answer.status == "dead"
    assert (await forget(house.journal(), WHO["email"], by="the test")).relays == 1


async def test_a_key_that_is_lost_keeps_nobody_from_being_forgotten(house: House) -> None:
    house.raw["encryption"] = {"keys": [OLD]}
    await house.serve()
    before = await house.post(sale("A-1"))
    await house.post_bytes(b'{"customer": "somebody')
    await house.stop()
    house.raw["encryption"] = {"keys": [NEW]}
    await house.serve()
    after = await house.post(sale("A-2"))
    journal, email = house.journal(), WHO["email"]
    with pytest.raises(VaultShut, match="'2025-10'"):
        await forget(journal, email, by="the test")
    done = await forget(journal, email, by="the test", lost=["2025-10"])
    assert (done.relays, done.orders) == (2, 1)
    for answer in (before, after):
        await house.until(answer.id, "discarded")


async def test_check_names_the_key_that_is_missing(
    redis: Redis, redis_process: RedisProcess, tmp_path: Path, house: House
) -> None:
    house.raw["encryption"] = {"keys": [OLD]}
    await house.journal().unlock()
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": "k"})
    shell.configure(house.standin.url)
    ran = await shell.relay("check")
    assert ran.code == 1
    assert "fault encryption: it is sealed, and the key '2025-10' is not in [encryption]" in ran.out
    started = await shell.relay("serve")
    assert started.code == 1
    assert started.err.startswith("relay: it is sealed, and the key '2025-10'")


async def test_a_web_process_without_the_key_of_what_waits_in_the_spool_does_not_start(
    redis: Redis, redis_process: RedisProcess, tmp_path: Path, house: House
) -> None:
    spool = Spool(tmp_path / ".relay", vault=Vault([Key(**OLD)]))
    await spool.put(recording("A-1"))
    await spool.close()
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": "k"})
    shell.configure(house.standin.url)
    started = await shell.relay("serve")
    assert started.code == 1
    assert started.err.endswith(
        "relay: it is sealed, and the key '2025-10' is not in [encryption]; set it as it was\n"
    )
