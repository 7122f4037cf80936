"""Replicas: a failover loses nothing that was acknowledged, and nothing counts twice (promises 1 and 3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.receive.spool import Spool
from tests.servers import Pair, Watched
from tests.support import Answered, House, eventually, placed


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with Pair.running(tmp_path / "redis") as pair:
        yield pair


@pytest.fixture
async def shop(pair: Pair, tmp_path: Path) -> AsyncIterator[House]:
    async with House.built(pair.master.url, tmp_path / "data") as house:
        waits_for_one(house)
        yield house


def waits_for_one(house: House) -> None:
    house.env = house.env.model_copy(update={"redis_replicas": 1})


async def figures(house: House) -> tuple[int, int, int, bool]:
    said = (await house.api("GET", "/stats")).json()
    return said["received"], said["duplicates"], said["spool"], said["balanced"]


async def nothing_kept(house: House) -> None:
    spool = Spool(house.env.data_dir)

    async def empty() -> bool:
        return not spool.pending

    await eventually(empty)
    await spool.close()


async def test_what_a_replica_confirms_never_sees_the_spool(shop: House, pair: Pair) -> None:
    await shop.serve()
    answer = await shop.post(placed())
    assert not (shop.env.data_dir / "spool.pending").exists()
    assert await pair.replica.ask("EXISTS", f"{{relay}}:r:{answer.id}") == 1


async def test_without_a_replica_all_goes_on_and_the_spool_keeps_copies_until_one_is_there(
    shop: House, pair: Pair
) -> None:
    await shop.start()
    await pair.replica.kill()
    answers = [await shop.post(placed(f"A-{n}", email=f"{n}@example.com")) for n in range(5)]
    copy = await shop.post(placed("A-0", email="0@example.com"))
    for answer in answers:
        await shop.until(answer.id, "delivered")
    await eventually(lambda: _reads(shop, (5, 1, 0, True)))
    spool = Spool(shop.env.data_dir)
    assert {kept.recording.id for kept in await spool.kept(9)} == {copy.id, *(a.id for a in answers)}
    await spool.close()
    await pair.replica.start()
    await nothing_kept(shop)
    assert await figures(shop) == (5, 1, 0, True)
    assert shop.standin.accepted_total == 5


async def _reads(house: House, expected: tuple[int, int, int, bool]) -> bool:
    return await figures(house) == expected


async def test_a_copy_that_no_replica_confirmed_counts_once(shop: House, pair: Pair) -> None:
    await shop.serve()
    first = await shop.post(placed())
    await pair.replica.kill()
    copy = await shop.post(placed())
    assert (copy.id, copy.duplicate) == (first.id, True)
    await pair.replica.start()
    await nothing_kept(shop)
    assert await figures(shop) == (1, 1, 0, True)


async def test_what_a_failover_forgot_is_recorded_again_under_the_same_id(shop: House, pair: Pair) -> None:
    await shop.serve()
    before = await shop.post(placed("A-0"))
    await pair.replica.ask("REPLICAOF", "NO", "ONE")
    lost = [await shop.post(placed(f"B-{n}", email=f"{n}@example.com")) for n in range(3)]
    lost.append(await shop.post(placed("B-0", email="0@example.com")))
    await eventually(lambda: _reads(shop, (4, 1, 0, True)))

    old = pair.master.port
    await pair.master.kill()
    await pair.replica.move(old)  # with no more than it had, at the place of the master
    for answer in lost:
        await shop.until(answer.id, "queued")
    await eventually(lambda: _reads(shop, (4, 1, 0, True)))

    await shop.work()
    for answer in (before, *lost):
        await shop.until(answer.id, "delivered")
    assert shop.standin.accepted_total == 4


async def test_a_master_that_is_killed_under_load_takes_nothing_along_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    async with (
        Watched.running(tmp_path / "redis") as watched,
        House.built(watched.url, tmp_path / "data") as house,
    ):
        waits_for_one(house)
        await house.start()
        half = asyncio.Event()
        sending = asyncio.create_task(load(house, half))
        await half.wait()
        await watched.pair.master.kill()
        await watched.promoted()
        answers = await sending
        assert {answer.status_code for answer in answers} == {200}
        for answer in answers:
            await house.until(answer.id, "delivered")
        await eventually(lambda: _reads(house, (len(answers), 0, 0, True)))
        assert len({answer.id for answer in answers}) == len(answers)
        await watched.pair.master.start()
        new = str(watched.pair.replica.port)
        await watched.pair.master.ask("REPLICAOF", "127.0.0.1", new)  # Sentinel would, 16 s later
        await nothing_kept(house)
        assert await figures(house) == (len(answers), 0, 0, True)


async def load(house: House, half: asyncio.Event, *, senders: int = 8, each: int = 30) -> list[Answered]:
    """What was answered; a good part of it is sent after `half`."""

    async def send(sender: int) -> list[Answered]:
        found = []
        for n in range(each):
            found.append(await house.post(placed(f"{sender}-{n}", email=f"{sender}-{n}@example.com")))
            if n == each // 2:
                half.set()
        return found

    return [answer for found in await asyncio.gather(*map(send, range(senders))) for answer in found]
