"""Guessing passwords: however it is done, it gets a few tries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from relay.journal.journal import Journal, Wakeup
from relay.journal.signins import SignIns
from relay.ops.access.memory import Local, Memory, Shared
from relay.ops.access.throttle import FROM_ONE_ADDRESS, OF_ONE_NAME, WINDOW, Throttle
from tests.ops.browsing import PASSWORD, opened, sign_in, token_in
from tests.servers import Server
from tests.support import STEPPED_CLOCK, House, eventually, step_clock


@pytest.fixture
async def beside(house: House, browser: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a second web process, once there is one."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=10) as other:
        yield other


async def two_webs(house: House, browser: httpx.AsyncClient, beside: httpx.AsyncClient) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    await opened(house, beside, ops_password=SecretStr(PASSWORD))
    assert browser.base_url != beside.base_url


async def test_too_many_wrong_passwords_make_even_the_right_one_wait_at_every_web_process(
    house: House, browser: httpx.AsyncClient, beside: httpx.AsyncClient
) -> None:
    await two_webs(house, browser, beside)
    for at in (browser, beside) * (FROM_ONE_ADDRESS // 2):
        assert (await sign_in(at, password="wrong")).status_code == 401
    for at in (browser, beside):
        answer = await sign_in(at)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW.total_seconds()


async def test_the_right_password_takes_back_what_was_wrong(
    house: House, browser: httpx.AsyncClient, beside: httpx.AsyncClient
) -> None:
    await two_webs(house, browser, beside)
    for _ in range(2):
        for _ in range(FROM_ONE_ADDRESS - 1):
            assert (await sign_in(browser, password="wrong")).status_code == 401
        assert (await sign_in(beside)).status_code == 200
        beside.cookies.clear()


async def test_guesses_that_come_all_at_once_are_no_more_than_those_one_by_one(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    form = token_in(await browser.get("/ops/sign-in"))
    guess = {"password": "wrong", "token": form}
    answers = await asyncio.gather(
        *(browser.post("/ops/sign-in", data=guess) for _ in range(3 * FROM_ONE_ADDRESS))
    )
    codes = [answer.status_code for answer in answers]
    assert (codes.count(401), codes.count(429)) == (FROM_ONE_ADDRESS, 2 * FROM_ONE_ADDRESS)


async def test_while_redis_is_away_every_web_process_counts_by_itself(
    house: House, browser: httpx.AsyncClient, beside: httpx.AsyncClient, tmp_path: Path
) -> None:
    async with Server(tmp_path / "redis") as redis:
        house.env = house.env.model_copy(update={"redis_url": SecretStr(redis.url)})
        await two_webs(house, browser, beside)
        await redis.kill()
        for _ in range(FROM_ONE_ADDRESS):
            assert (await sign_in(browser, password="wrong")).status_code == 401
        assert (await sign_in(browser)).status_code == 429
        assert (await sign_in(beside, password="wrong")).status_code == 401
        await house.stop()


async def test_nothing_in_redis_tells_who_tried_what(
    house: House, browser: httpx.AsyncClient, users: Path, redis: Redis
) -> None:
    await opened(house, browser, users_file=users)
    for _ in range(FROM_ONE_ADDRESS + 1):
        await sign_in(browser, "anna@example.com", "hunter2hunter2")
    await sign_in(browser, "operator")
    written = b"".join([await redis.dump(key) + key for key in await redis.keys("*")]).lower()
    assert b"tries:" in written
    for word in (b"anna", b"example", b"hunter2", b"127.0.0.1", b"operator"):
        assert word not in written


async def test_being_kept_out_is_written_down_once_however_often_it_is_tried(
    house: House, browser: httpx.AsyncClient
) -> None:
    await opened(house, browser, ops_password=SecretStr(PASSWORD))
    for _ in range(FROM_ONE_ADDRESS + 3):
        await sign_in(browser, password="wrong")
    acts = (await house.api("GET", "/activity")).json()["acts"]
    assert [act["what"] for act in acts].count("was kept from signing in") == 1


# The count by itself ------------------------------------------------------------------------------------


def stepped(redis: Redis) -> Journal:
    return Journal(redis, Wakeup(), clock=STEPPED_CLOCK)


class Rig:
    """A throttle with a clock of its own to set."""

    def __init__(self, redis: Redis, journal: Journal, *, shared: bool) -> None:
        self._redis = redis
        self._ahead = 0.0
        self.memory: Memory = SignIns(journal) if shared else Local(lambda: 1000 + self._ahead)
        self.throttle = Throttle(self.memory, lambda text: f"<{text}>")

    async def wait(self, seconds: float) -> None:
        self._ahead += seconds
        await step_clock(self._redis, int(self._ahead * 1000))


@pytest.fixture(params=["shared", "of one process"])
def rig(redis: Redis, request: pytest.FixtureRequest) -> Rig:
    return Rig(redis, stepped(redis), shared=request.param == "shared")


async def test_waiting_lets_an_address_try_again_and_its_neighbours_wait_with_it(rig: Rig) -> None:
    for n in range(FROM_ONE_ADDRESS):
        assert (await rig.throttle.take("2001:db8::1", f"name {n}")).wait == 0
        await rig.wait(1)
    of_the_same_64 = await rig.throttle.take("2001:db8::2", "ben")
    assert WINDOW.total_seconds() - FROM_ONE_ADDRESS - 1 < of_the_same_64.wait <= WINDOW.total_seconds()
    assert (await rig.throttle.take("2001:db8:0:1::1", "anna")).wait == 0
    await rig.wait(of_the_same_64.wait + 0.01)
    assert (await rig.throttle.take("2001:db8::1", "anna")).wait == 0
    assert (await rig.throttle.take("2001:db8::1", "anna")).wait > 0, "the second oldest counts on"


async def test_a_name_is_tried_from_many_addresses_in_vain(rig: Rig) -> None:
    for n in range(OF_ONE_NAME):
        assert (await rig.throttle.take(f"192.0.2.{n}", "anna")).wait == 0
    assert (await rig.throttle.take("198.51.100.1", "anna")).wait > 0
    assert (await rig.throttle.take("198.51.100.1", "ben")).wait == 0


async def test_a_right_password_takes_its_own_try_of_the_name_back_and_no_other(rig: Rig) -> None:
    for n in range(OF_ONE_NAME - 1):
        await rig.throttle.take(f"192.0.2.{n}", "anna")
    for _ in range(3):
        right = await rig.throttle.take("198.51.100.1", "anna")
        assert right.wait == 0
        await rig.throttle.right(right)
    assert (await rig.throttle.take("198.51.100.1", "anna")).wait == 0
    assert (await rig.throttle.take("198.51.100.1", "anna")).wait > 0


async def test_what_is_remembered_goes_by_itself(redis: Redis) -> None:
    journal = stepped(redis)
    signins = SignIns(journal)
    await signins.take({"a": 8, "b": 30}, WINDOW)
    assert await signins.first("c", WINDOW)
    assert not await signins.first("c", WINDOW)
    names = await redis.keys("*")
    assert len(names) == 3
    for key in names:
        assert 0 < await redis.pttl(key) <= WINDOW.total_seconds() * 1000


async def test_what_ended_while_redis_was_there_stays_ended_when_it_is_away(tmp_path: Path) -> None:
    async with Server(tmp_path / "redis") as server, Redis(port=server.port) as client:
        memory = Shared(SignIns(stepped(client)))
        assert await memory.first("a session", WINDOW)
        await server.kill()
        assert await memory.said("a session")
        assert not await memory.first("a session", WINDOW)
        assert await memory.first("another", WINDOW)
        await server.start()
        await eventually(server.answers)
        assert await memory.said("another")
