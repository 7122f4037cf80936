"""The JSON API: its fixed words, its errors, and a description that is true to it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from relay.journal.ids import Ids
from relay.journal.records import Status
from relay.ops.alerts.book import Book, Entry, dump
from relay.ops.alerts.incidents import Incident
from tests.support import TOKEN, House, placed


async def got(house: House, path: str, **params: str) -> Any:
    answer = await house.http.get(
        f"/api/v1{path}", params=params, headers={"authorization": f"Bearer {TOKEN}"}
    )
    return answer.json()


async def test_a_list_has_the_words_of_its_contract(house: House) -> None:
    await house.serve()
    ids = [(await house.post(placed(f"A-{n}", email=f"{n}@example.com"))).id for n in range(3)]
    first = await got(house, "/relays", limit="2", status="queued")
    assert first.keys() == {"relays", "next", "total", "searched"}
    assert ([relay["id"] for relay in first["relays"]], first["total"]) == ([ids[2], ids[1]], 3)
    second = await got(house, "/relays", limit="2", status="queued", cursor=first["next"])
    assert ([relay["id"] for relay in second["relays"]], second["next"]) == ([ids[0]], None)
    assert (
        first["relays"][0].items()
        >= {
            "source": "shop",
            "destination": "main",
            "status": "queued",
            "kinds": ["order.placed"],
            "order": "A-2",
            "attempt_count": 0,
        }.items()
    )


async def test_a_wrong_word_is_told_with_the_one_that_is_meant_there(house: House) -> None:
    await house.serve()
    assert "perhaps 'status' is meant" in (await got(house, "/relays", stauts="dead"))["detail"]
    nested = (await house.api("POST", "/replays", filter={"stauts": "dead"})).json()
    assert "perhaps 'status' is meant" in nested["detail"]
    twice = await house.api("GET", "/relays?status=dead&status=held")
    assert (twice.status_code, twice.json()["detail"]) == (400, "'status' is said twice")


async def test_nothing_on_the_way_keeps_what_is_told_of_people(house: House) -> None:
    await house.serve()
    answer = await house.post(placed())
    for path in (f"/relays/{answer.id}", "/relays/none", "/relays?limit=0", "/openapi.json"):
        assert (await house.api("GET", path)).headers["cache-control"] == "no-store"


async def test_every_filter_of_the_contract_is_taken(house: House) -> None:
    await house.serve()
    answer = await house.post(placed("A-1"))
    words = {"event": "order.placed", "order": "A-1", "source": "shop", "destination": "main"}
    words |= {"email": "jo@example.com", "since": "1h", "until": "2999-01-01", "attempts": "<1"}
    for word, value in words.items():
        assert [relay["id"] for relay in (await got(house, "/relays", **{word: value}))["relays"]] == [
            answer.id
        ]
    for word, value in {"code": "5xx", "issue": "none", "q": "nowhere", "attempts": ">0"}.items():
        assert (await got(house, "/relays", **{word: value}))["relays"] == []


async def test_all_of_a_relay_is_shown(house: House) -> None:
    await house.start()
    house.standin.faults.status(500, times=1)
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    shown = await got(house, f"/relays/{answer.id}")
    assert shown.keys() >= {"postback", "events", "calls", "attempts", "timeline"}
    assert shown["events"][0]["order_id"] == "A-1"
    assert [(call["path"], call["outcome"]) for call in shown["calls"]] == [("/orders", "accepted")]
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["failed", "accepted"]
    assert [entry["what"] for entry in shown["timeline"]] == ["received", "attempt", "attempt"]
    assert shown["postback"]["method"] == "POST"


async def test_stats_have_the_words_of_their_contract(house: House) -> None:
    await house.start()
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    await house.post(placed())
    stats = await got(house, "/stats")
    assert stats["counts"].keys() == {str(status) for status in Status}
    assert (stats["received"], stats["duplicates"], stats["balanced"], stats["spool"]) == (1, 1, True, 0)
    assert (stats["overtaken"], stats["oldest_due"]) == (0, None)
    assert stats["sources"]["shop"]["delivered"] == 1
    assert len(stats["hours"]) == len(stats["sources"]["shop"]["hours"]) == 24
    assert stats["hours"][-1] | {"at": ""} == {"at": "", "received": 1, "delivered": 1, "dead": 0}


async def test_sources_and_destinations_say_how_they_are(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 100, "rate_per_second": 20}
    house.raw["destinations"]["second"] = dict(house.raw["destinations"]["main"])
    await house.start()
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    (source,) = (await got(house, "/sources"))["sources"]
    assert (source["name"], source["path"], source["tokens"]) == ("shop", "/in/shop/", 1)
    assert source["first"] == source["last"] == (await got(house, f"/relays/{answer.id}"))["received_at"]
    main, second = (await got(house, "/destinations"))["destinations"]
    assert (main["name"], main["shares_budget_with"], main["pauses"]) == ("main", ["second"], [])
    assert main["traffic"]["minute"] == second["traffic"]["minute"] == {"used": 1, "limit": 100}
    assert main["traffic"]["last_accepted"] is not None
    assert second["traffic"]["last_accepted"] is None


async def test_workers_that_are_alive_and_the_store_are_shown(house: House) -> None:
    await house.start()
    async with asyncio.timeout(10):
        while not (workers := (await got(house, "/workers"))["workers"]):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.02)
    assert workers[0]["name"].endswith(f":{os.getpid()}")
    store = await got(house, "/store")
    assert store["spool"] == 0
    assert (store["redis"]["appends"], store["redis"]["fsync"], store["redis"]["writes"]) == (
        True,
        "always",
        True,
    )


async def test_what_waits_in_another_host_s_spool_is_counted(house: House) -> None:
    await house.serve()
    await house.journal().tell_spooled("another", 7)
    stats = await got(house, "/stats")
    assert (stats["received"], stats["counts"]["queued"], stats["spool"], stats["balanced"]) == (
        7,
        7,
        7,
        True,
    )
    await house.journal().tell_spooled("another", 0)
    assert (await got(house, "/stats"))["spool"] == 0


async def test_a_source_that_the_watch_finds_silent_says_since_when(house: House) -> None:
    await house.serve()
    quiet = Incident("quiet:shop", "quiet", {"source": "shop"}, 1000, "silent", "look", "back", "sources")
    over = Incident("quiet:old", "quiet", {"source": "old"}, 1000, "silent", "look", "back", "sources")
    book = Book(entries={"quiet:shop": Entry(quiet, 2000), "quiet:old": Entry(over, 2000, 3000)})
    journal = house.journal()
    await journal.redis.set(journal.keys.alerts, dump(book))
    (source,) = (await got(house, "/sources"))["sources"]
    assert source["silent_since"] == "1970-01-01T00:00:01.000Z"


async def test_while_redis_is_away_what_is_unknown_is_null(house: House, tmp_path: Path) -> None:
    house.env = house.env.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:1/0")})
    await house.serve()
    stats = await got(house, "/stats")
    assert (stats["received"], stats["balanced"], set(stats["counts"].values())) == (None, None, {None})
    assert (stats["sources"], stats["hours"], stats["spool"]) == (None, None, 0)
    (source,) = (await got(house, "/sources"))["sources"]
    (destination,) = (await got(house, "/destinations"))["destinations"]
    assert (source["name"], source["numbers"], source["last"]) == ("shop", None, None)
    assert (destination["name"], destination["pauses"], destination["traffic"]) == ("main", None, None)
    assert (await got(house, "/workers"), (await got(house, "/store"))["redis"]) == ({"workers": None}, None)
    away = await house.api("GET", "/relays")
    assert (away.status_code, away.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        ({"stauts": "dead"}, "perhaps 'status' is meant"),
        ({"status": "dad"}, "status"),
        ({"attempts": "many"}, "expected a number such as 3, >3"),
        ({"since": "yesterday"}, "expected how long ago"),
        ({"limit": "0"}, "limit"),
        ({"limit": "many"}, "limit"),
    ],
)
async def test_a_wrong_filter_is_refused_with_advice(
    house: House, params: dict[str, str], advice: str
) -> None:
    await house.serve()
    answer = await house.http.get(
        "/api/v1/relays", params=params, headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, advice in answer.json()["detail"]) == (400, True)


async def test_a_body_that_does_not_fit_is_refused_field_by_field(house: House) -> None:
    await house.serve()
    relay = (await house.post(placed())).id
    refused = await house.api("POST", f"/relays/{relay}/retry", stage="sideways", forced=True)
    assert refused.status_code == 422
    assert {fault["field"] for fault in refused.json()["faults"]} == {"stage", "forced"}
    broken = await house.http.post(
        f"/api/v1/relays/{relay}/retry", content=b"{", headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert (broken.status_code, broken.json()["detail"]) == (400, "the body is no JSON")


async def test_without_the_token_everything_is_closed(house: House) -> None:
    await house.serve()
    for path in ("/api/v1/stats", "/api/v1/openapi.json", f"/api/v1/relays/{Ids().new()}"):
        answer = await house.http.get(path, headers={"authorization": "Bearer wrong"})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection,unsupported_method,ignored_auth"
)


async def test_the_description_is_true_to_the_code(house: House, tmp_path: Path) -> None:
    """No request that fits or misses the description is answered by a fault of ours, or undocumented."""
    house.standin.faults.status(400, times=1)
    origin = await house.serve()
    await house.work()
    dead = await house.post(placed())
    await house.until(dead.id, "dead")
    (issue,) = (await house.api("GET", "/issues")).json()["issues"]
    described = (await house.api("GET", "/openapi.json")).json()
    known = {"relay": dead.id, "issue": issue["id"], "destination": "main"}
    for path in described["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"]["enum"] = [known.get(parameter["name"], "none"), "none"]
    schema = tmp_path / "openapi.json"
    schema.write_text(json.dumps(described))
    words = [
        "run",
        str(schema),
        "--url",
        origin,
        "--checks",
        CHECKS,
        "--header",
        f"Authorization: Bearer {TOKEN}",
    ]
    words += ["--max-examples", "4", "--seed", "1", "--phases", "coverage,fuzzing", "--no-shrink"]
    words += ["--no-color", "--warnings", "off", "--suppress-health-check", "all"]
    run = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *words,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()
    assert (await got(house, "/stats"))["balanced"]
