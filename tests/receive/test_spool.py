"""Redis away is no outage of intake (promise 2), and what waited comes through in order (promise 5)."""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from redis.asyncio import Redis

from relay.embedded import EmbeddedRedis
from relay.errors import SpoolFull
from relay.journal import codec
from relay.journal.ids import Ids
from relay.journal.journal import CONFIRMED_IN, Journal, Wakeup
from relay.journal.queries import Queries
from relay.journal.records import BookEntry, Receipt, Recording
from relay.normalise import times
from relay.receive.keeper import Keeper
from relay.receive.spool import Spool
from relay.tasks import end
from tests.recordings import of_order, recording
from tests.support import House, eventually, fulfilled, placed, thin


@pytest.fixture
async def shop(own_redis: EmbeddedRedis, tmp_path: Path) -> AsyncIterator[House]:
    async with House.built(own_redis.url, tmp_path) as house:
        yield house


def sized(relay: str, *, copy: str = "", size: int = 10) -> Recording:
    return recording(id=relay, copy=copy or relay, blob=b"{}" + b" " * size)


async def test_with_redis_down_postbacks_are_kept_and_delivered_in_order_when_it_is_back(
    shop: House, own_redis: EmbeddedRedis
) -> None:
    await shop.start()
    await own_redis.kill()
    answers = [await shop.post(placed("A-1")), await shop.post(fulfilled("A-1"))]
    answers += [await shop.post(placed(f"B-{n}", email=f"{n}@example.com")) for n in range(10)]
    assert {(answer.status_code, answer.status) for answer in answers} == {(200, "queued")}
    away = (await shop.api("GET", "/stats")).json()
    assert (away["received"], away["spool"]) == (None, 12)
    assert (await shop.http.get("/readyz")).json() == {"ready": True, "keeps_in": "spool"}
    await own_redis.start()
    for answer in answers:
        await shop.until(answer.id, "delivered")
    assert shop.standin.orders["A-1"].statuses == {"placed": [4990], "fulfilled": [4990]}
    assert shop.standin.violations == []
    back = (await shop.api("GET", "/stats")).json()
    assert (back["received"], back["spool"], back["balanced"]) == (12, 0, True)


async def test_a_copy_is_known_within_the_spool_and_across_it(shop: House, own_redis: EmbeddedRedis) -> None:
    await shop.start()
    before = await shop.post(placed("A-1"))
    await shop.until(before.id, "delivered")
    await own_redis.kill()
    across = await shop.post(placed("A-1"))
    first = await shop.post(placed("A-2"))
    within = await shop.post(placed("A-2"))
    assert (within.id, within.duplicate) == (first.id, True)
    await own_redis.start()
    await shop.until(first.id, "delivered")
    alias = await shop.queries().detail(across.id)
    assert alias is not None
    assert alias.relay.id == before.id
    stats = (await shop.api("GET", "/stats")).json()
    assert (stats["received"], stats["duplicates"], stats["balanced"]) == (2, 2, True)
    assert shop.standin.accepted_total == 2


async def test_a_journal_that_was_only_slow_records_once(shop: House, own_redis: EmbeddedRedis) -> None:
    await shop.serve()
    journal = shop.journal()
    relay = recording()
    await journal.record(relay)
    (receipt,) = await journal.record_spooled([(relay, 0)])
    assert (receipt.id, receipt.duplicate) == (relay.id, False)
    assert (await shop.queries().stats()).received == 1


async def test_what_a_dead_process_spooled_is_adopted(shop: House, tmp_path: Path) -> None:
    left = Spool(tmp_path)
    await shop.serve()
    answer = await shop.post(placed("A-1"))
    await shop.stop()
    other = recording()
    await left.put(other)
    await left.close()
    await shop.serve()
    await shop.until(other.id, "queued")
    assert answer.id < other.id


async def test_a_spool_that_is_broken_while_something_waits_in_it_keeps_nothing_from_the_journal(
    shop: House, own_redis: EmbeddedRedis
) -> None:
    (shop.env.data_dir / "spool.db").write_bytes(b"no database at all" * 1000)
    (shop.env.data_dir / "spool.pending").touch()
    await shop.start()
    answer = await shop.post(placed("A-1"))
    assert (answer.status_code, answer.status) == (200, "queued")
    await shop.until(answer.id, "delivered")
    await own_redis.kill()
    assert (await shop.post(placed("A-2"))).status_code == 503


async def test_while_the_spool_holds_something_every_process_goes_behind_it(tmp_path: Path) -> None:
    one, two = Spool(tmp_path), Spool(tmp_path)
    await one.put(sized("1"))
    assert two.pending
    await two.put(sized("2"))
    first, second = await one.first(10)
    assert (first.recording.id, second.recording.id) == ("1", "2")
    await one.remove([first])
    assert two.pending
    await one.remove([second])
    assert not two.pending
    await one.close()
    await two.close()


async def test_only_one_process_drains_at_a_time(tmp_path: Path) -> None:
    one, two = Spool(tmp_path), Spool(tmp_path)
    with one.sole() as first, two.sole() as second:
        assert (first, second) == (True, False)
    with two.sole() as now:
        assert now


async def test_a_full_disk_is_said_and_never_a_lie(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_pages=8)
    asked = [spool.put(sized(f"{n:03}", size=20_000)) for n in range(10)]
    answers = [await asyncio.gather(put, return_exceptions=True) for put in asked]
    kept = [f"{n:03}" for n, (answer,) in enumerate(answers) if not isinstance(answer, SpoolFull)]
    assert len(kept) < 10
    assert [spooled.recording.id for spooled in await spool.first(100)] == kept
    await spool.close()


async def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await asyncio.gather(*(spool.put(sized(f"{n:03}")) for n in range(200)))
    assert await spool.count() == 200
    await spool.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond a few KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_the_journal_has_goes_though_the_disk_is_too_full_to_delete_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for relay in ("1", "2", "3"):
        await spool.put(sized(relay))
    with full_disk():
        await spool.remove(await spool.first(2))
        assert [spooled.recording.id for spooled in await spool.first(2)] == ["3"]
        await spool.remove(await spool.first(2))
        assert not spool.pending
    await spool.put(sized("4"))
    await spool.remove(await spool.first(9))
    assert not spool.pending
    assert await Spool(tmp_path).count() == 0
    await spool.close()


async def test_rows_without_a_marker_are_found_at_the_start(tmp_path: Path) -> None:
    before, after = Spool(tmp_path), Spool(tmp_path)
    await before.put(sized("1"))
    (tmp_path / "spool.pending").unlink()
    await after.settle()
    assert after.pending
    await before.close()
    await after.close()


async def test_a_copy_that_comes_while_its_first_is_drained_is_counted(shop: House, tmp_path: Path) -> None:
    spool, journal = Spool(tmp_path / "other"), shop.journal()
    first = recording(copy="same")
    await spool.put(first)
    (drained,) = await spool.first(9)
    await spool.put(recording(copy="same"))
    await journal.record_spooled([(drained.recording, drained.copies)])
    await spool.remove([drained])
    (again,) = await spool.first(9)
    await journal.record_spooled([(again.recording, again.copies)])
    await spool.remove([again])
    assert not spool.pending
    assert (await shop.queries().stats()).duplicates == 1
    await spool.close()


async def test_however_often_a_batch_is_drained_its_copies_count_once(shop: House) -> None:
    journal = shop.journal()
    first, copy = recording(copy="same"), recording(copy="same")
    await journal.record(first)
    for _ in range(3):
        (receipt,) = await journal.record_spooled([(copy, 2)])
        assert (receipt.id, receipt.duplicate) == (first.id, True)
    assert (await shop.queries().stats()).duplicates == 3


async def test_a_copy_that_the_client_sends_again_since_redis_was_slow_counts_once(shop: House) -> None:
    journal = shop.journal()
    first, copy = recording(copy="same"), recording(copy="same")
    await journal.record(first)
    receipts = [await journal.record(copy) for _ in range(2)]
    assert [(receipt.id, receipt.duplicate) for receipt in receipts] == [(first.id, True)] * 2
    assert (await shop.queries().stats()).duplicates == 1


async def test_a_copy_that_waits_with_its_first_counts_once_though_the_journal_heard_of_both(
    shop: House, tmp_path: Path
) -> None:
    """Redis stood still: what it was given it does when it goes on, and by then the spool has it too."""
    journal, spool = shop.journal(), Spool(tmp_path)
    first, copy, later = (recording(copy="same") for _ in range(3))
    for each in (first, copy):
        await spool.put(each)
        await journal.record(each)
    keeper = Keeper(journal, spool)
    for _ in range(2):
        draining = asyncio.create_task(keeper.drain())
        await eventually(lambda: gone(spool))
        await end(draining)
        await spool.put(first)
        await spool.put(later)
    assert (await shop.queries().stats()).duplicates == 2
    await spool.close()


async def gone(spool: Spool) -> bool:
    return not spool.pending


async def test_a_copy_that_the_journal_was_slow_to_acknowledge_counts_once(shop: House) -> None:
    journal = shop.journal()
    first, copy = recording(copy="same"), recording(copy="same")
    await journal.record(first)
    await journal.record(copy)
    (receipt,) = await journal.record_spooled([(copy, 0)])
    assert (receipt.id, receipt.duplicate) == (first.id, True)
    assert (await shop.queries().stats()).duplicates == 1


async def test_what_a_long_outage_took_of_the_disk_is_given_back(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    await asyncio.gather(*(spool.put(sized(f"{n:03}", size=100_000)) for n in range(100)))
    large = (tmp_path / "spool.db").stat().st_size + (tmp_path / "spool.db-wal").stat().st_size
    while waiting := await spool.first(100):
        await spool.remove(waiting)
    small = (tmp_path / "spool.db").stat().st_size + (tmp_path / "spool.db-wal").stat().st_size
    assert small < large / 20
    await spool.close()


class Halting(Journal):
    """Halts in a batch it is told: the second, unless `halts_in` says another."""

    batches = 0
    halts_in = 2

    async def record_spooled(
        self,
        waiting: Sequence[tuple[Recording, int]],
        patience: timedelta = CONFIRMED_IN,
        *,
        copied: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> list[Receipt]:
        self.batches += 1
        if self.batches == self.halts_in:
            self.halted.set()
            await self.go_on.wait()
        return await super().record_spooled(waiting, patience, copied=copied)

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, Wakeup("jobs", "job:", {"main": "drain"}))
        self.halted, self.go_on = asyncio.Event(), asyncio.Event()


async def test_what_arrives_while_the_spool_empties_waits_for_the_batches_under_way(
    redis: Redis, tmp_path: Path
) -> None:
    journal, spool, ids = Halting(redis), Spool(tmp_path), Ids()
    for _ in range(150):
        await spool.put(recording(id=ids.new()))
    keeper = Keeper(journal, spool)
    draining = asyncio.create_task(keeper.drain())
    await asyncio.wait_for(journal.halted.wait(), 20)
    arriving = asyncio.create_task(keeper.record(recording(id=ids.new())))
    assert await spool.count() == 50
    assert not arriving.done()
    journal.go_on.set()
    assert (await arriving).status == "queued"
    assert await redis.zcard("{relay}:i:shop:queued") == 151
    await end(draining)
    await spool.close()


def large() -> Recording:
    return recording(blob=b"{}" + b" " * 20_000)


async def full_spool(folder: Path) -> Spool:
    spool = Spool(folder, most_pages=20)
    with suppress(SpoolFull):
        while True:
            await spool.put(large())
    return spool


async def test_what_a_full_spool_has_no_room_for_waits_till_it_is_empty(redis: Redis, tmp_path: Path) -> None:
    journal, spool = Halting(redis), await full_spool(tmp_path)
    journal.halts_in = 1
    keeper = Keeper(journal, spool)
    draining = asyncio.create_task(keeper.drain())
    await asyncio.wait_for(journal.halted.wait(), 20)
    arriving = asyncio.create_task(keeper.record(large()))
    waiting = await spool.count()  # the same thread has tried to put the new one in by then
    assert await redis.zcard("{relay}:i:shop:queued") == 0
    journal.go_on.set()
    assert (await arriving).status == "queued"
    assert not spool.pending
    assert await redis.zcard("{relay}:i:shop:queued") == waiting + 1
    await end(draining)
    await spool.close()


async def test_nothing_passes_what_a_full_spool_holds_though_the_journal_could_take_it(
    redis: Redis, tmp_path: Path
) -> None:
    spool = await full_spool(tmp_path)
    with pytest.raises(SpoolFull):
        await Keeper(Journal(redis, Wakeup()), spool).record(large())
    assert await redis.zcard("{relay}:i:shop:queued") == 0
    await spool.close()


async def test_what_drains_late_makes_its_source_no_quieter(redis: Redis) -> None:
    journal = Journal(redis, Wakeup())
    queries = Queries(journal, ["shop"], ["main"])
    await journal.record(recording(at_ms=2_000))
    await journal.record_spooled([(recording(at_ms=1_000), 0)])
    assert await queries.source_times("shop") == (2_000, 2_000)
    await journal.record_spooled([(recording(at_ms=3_000), 0)])
    assert await queries.source_times("shop") == (2_000, 3_000)


def spoken_at(at_ms: int) -> Recording:
    """A customer's event, said in the same bytes each time."""
    return recording(at_ms=at_ms, copy="the same", window_ms=600_000, endpoint="events")


async def test_what_a_long_outage_hears_again_after_the_window_is_no_copy(
    tmp_path: Path, redis: Redis
) -> None:
    """It stands by the times of receipt, though all of it is recorded in one moment."""
    spool, journal = Spool(tmp_path), Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))
    first, copy, later = spoken_at(1_000_000), spoken_at(1_500_000), spoken_at(1_700_000)
    receipts = [await spool.put(each) for each in (first, copy, later)]
    assert [(receipt.id, receipt.duplicate) for receipt in receipts] == [
        (first.id, False),
        (first.id, True),
        (later.id, False),
    ]
    waiting = await spool.first(10)
    assert [(s.recording.id, s.copies) for s in waiting] == [(first.id, 1), (later.id, 0)]
    recorded = await journal.record_spooled([(s.recording, s.copies) for s in waiting])
    assert [(receipt.id, receipt.duplicate) for receipt in recorded] == [(first.id, False), (later.id, False)]
    await spool.close()


async def test_a_postback_of_a_host_whose_clock_is_behind_is_known_when_the_spool_tells_it_again(
    redis: Redis,
) -> None:
    """The journal gave it another id, behind what its lane holds, and was slow to say so."""
    journal = Journal(redis, Wakeup("jobs", "job:", {"main": "drain"}))
    now = times.now_ms()
    await journal.record(of_order("A-1", id=Ids().new(now)))
    behind = of_order("A-2", id=Ids().new(now - 60_000))
    receipt = await journal.record(behind)
    assert receipt.id != behind.id
    (told,) = await journal.record_spooled([(behind, 0)])
    assert told.id == receipt.id
    assert await redis.hget(journal.keys.totals, "shop:copies") is None  # type: ignore[misc]


async def test_what_the_spool_held_for_long_waits_for_its_order_from_then_on(
    shop: House, own_redis: EmbeddedRedis
) -> None:
    """Its sale may be in the spool of another host."""
    shop.raw["sources"]["shop"]["thin_wait"] = "10m"
    await shop.serve()
    event = thin("order.fulfilled", "A-1")
    received = times.now_ms() - 3_600_000
    late = of_order(
        at_ms=received,
        email="",
        kinds="order.fulfilled",
        orders=(BookEntry(("id:A-1",), json.dumps([event])),),
        blob=codec.pack({"reading": {"events": [event]}}),
    )
    await shop.journal().record_spooled([(late, 0)])
    await shop.work()
    assert (await shop.until(late.id, "held", "dead")).relay.status == "held"
    await shop.post(placed("A-1"))
    await shop.until(late.id, "delivered")
