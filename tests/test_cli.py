"""The commands, as a person runs them."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from relay.journal.journal import Journal, Wakeup
from relay.testing.standin import Standin
from tests.ops.receivers import Hook, Mailbox
from tests.recordings import recording
from tests.shell import Shell
from tests.support import KEY, TOKEN, House, RedisProcess, placed

ALERTED = """
[alerts]
webhooks = ["env:HOOK"]
[alerts.smtp]
host = "127.0.0.1"
port = {port}
security = "none"
user = "relay"
password = "env:MAIL_PASSWORD"
from = "relay@shop.example"
to = ["ops@shop.example"]
"""
ANOTHER_SOURCE = """
[sources.other]
adapter = "generic"
destination = "main"
tokens = ["env:NOT_SET"]
"""
FIXTURES = Path(__file__).parents[1] / "adapters" / "checkoutchamp" / "fixtures"


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    async with Standin.serve(keys={KEY}) as standin:
        yield standin


@pytest.fixture
async def shell(redis: Redis, redis_process: RedisProcess, tmp_path: Path, standin: Standin) -> Shell:
    shell = Shell(tmp_path, {"RELAY_REDIS_URL": redis_process.url, "THE_KEY": KEY})
    shell.configure(standin.url)
    return shell


async def test_map_shows_what_a_file_would_become_and_records_nothing(shell: Shell, redis: Redis) -> None:
    ran = await shell.relay("map", "shop", FIXTURES / "order_placed__json_flat.http", "--json")
    expected = json.loads((FIXTURES / "order_placed__json_flat.json").read_text())
    assert ran.json["events"] == expected["events"]
    assert ran.json["calls"] == expected["calls"]
    assert await redis.dbsize() == 0


async def test_map_shows_each_call_of_a_postback_that_tells_several_things_once(shell: Shell) -> None:
    order = {
        "orderId": "5CDD10FF21",
        "orderStatus": "COMPLETE",
        "totalAmount": "64.50",
        "refundRemaining": "50.00",
        "emailAddress": "jo@example.com",
        "fulfillments": [{"status": "SHIPPED"}],
    }
    file = shell.folder / "order.json"
    file.write_text(json.dumps(order))
    ran = await shell.relay("map", "shop", file, "--json")
    assert [call["body"]["status"] for call in ran.json["calls"]] == ["placed", "fulfilled", "refunded"]


async def test_map_against_the_journal_completes_a_thin_event(shell: Shell, house: House) -> None:
    await house.serve()
    number = "61044"
    whole = placed("7D02AA91C0") | {"names": ["client:7D02AA91C0", f"number:{number}"]}
    await house.post(whole)
    thin = FIXTURES / "story__fulfilled_by_number_alone.step2.http"
    alone = await shell.relay("map", "shop", thin, "--json")
    known = await shell.relay("map", "shop", thin, "--json", "--journal")
    assert alone.json["calls"] == []
    assert known.json["calls"][0]["body"]["orderId"] == "7D02AA91C0"


async def test_map_against_the_journal_adds_up_what_was_given_back(shell: Shell, house: House) -> None:
    await house.serve()
    await house.post(placed("AB90201000") | {"names": ["client:AB90201000"]})
    file = shell.folder / "chargeback.json"
    told = {"event": "chargeback", "clientOrderId": "AB90201000", "chargebackAmount": "10.00"}
    file.write_text(json.dumps(told))
    ran = await shell.relay("map", "shop", file, "--json", "--journal")
    assert ran.json["calls"][0]["body"]["refundAmountCents"] == 1000


async def test_forgetting_nobody_in_particular_is_refused_and_erases_nothing(
    shell: Shell, house: House
) -> None:
    await house.serve()
    answer = await house.post(placed())
    ran = await shell.relay("forget", "")
    assert (ran.code, ran.out) == (1, "")
    assert "'' is no e-mail address; expected one such as jo@example.com" in ran.err
    assert (await house.until(answer.id, "queued")).postback is not None


async def test_check_is_content_with_a_sound_set_up(shell: Shell) -> None:
    ran = await shell.relay("check")
    assert ran.code == 0, ran.out
    assert "fault" not in ran.out


async def test_check_warns_of_a_secret_that_can_be_guessed_without_printing_it(
    shell: Shell, standin: Standin
) -> None:
    signed = 'signature = { scheme = "hmac", header = "X-S", secrets = ["guess-me"] }'
    shell.configure(standin.url, source=signed)
    ran = await shell.relay("check")
    assert ran.code == 0
    assert "warn  sources.shop.signature.secrets" in ran.out
    assert "guess-me" not in ran.out + ran.err


async def test_check_warns_of_a_password_and_an_api_token_that_can_be_guessed(shell: Shell) -> None:
    shell.variables |= {"RELAY_API_TOKEN": "sesame", "RELAY_OPS_PASSWORD": "sesame"}
    ran = await shell.relay("check")
    assert ran.code == 0
    assert "warn  RELAY_API_TOKEN: is shorter than 16 characters" in ran.out
    assert "warn  RELAY_OPS_PASSWORD: is shorter than 8 characters" in ran.out
    assert "sesame" not in ran.out


async def test_check_warns_of_a_data_folder_that_takes_no_postback(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    shell.variables["RELAY_DATA_DIR"] = str(tmp_path / "taken")
    ran = await shell.relay("check")
    assert "warn  data folder: nothing can be written to" in ran.out


async def test_check_names_a_redis_that_is_not_there(shell: Shell) -> None:
    shell.variables["RELAY_REDIS_URL"] = "redis://127.0.0.1:1/0"
    ran = await shell.relay("check")
    assert ran.code == 1
    (fault,) = (line for line in ran.out.splitlines() if line.startswith("fault"))
    assert "RELAY_REDIS_URL" in fault


async def test_check_without_a_redis_url_says_which_setting_is_missing(shell: Shell) -> None:
    del shell.variables["RELAY_REDIS_URL"]
    ran = await shell.relay("check")
    (fault,) = (line for line in ran.out.splitlines() if line.startswith("fault"))
    assert "RELAY_REDIS_URL is not set" in fault


@pytest.mark.parametrize(
    ("setting", "wrong", "right", "says"),
    [
        ("appendonly", "no", "yes", "set appendonly yes"),
        ("maxmemory-policy", "allkeys-lru", "noeviction", "set noeviction"),
    ],
)
async def test_check_names_a_redis_that_would_lose_relays(
    shell: Shell, redis: Redis, setting: str, wrong: str, right: str, says: str
) -> None:
    await redis.config_set(setting, wrong)
    try:
        ran = await shell.relay("check")
    finally:
        await redis.config_set(setting, right)
    assert ran.code == 1
    (fault,) = (line for line in ran.out.splitlines() if line.startswith("fault"))
    assert says in fault


async def test_check_names_a_destination_that_was_taken_away_before_all_was_sent(
    shell: Shell, redis: Redis
) -> None:
    journal = Journal(redis, Wakeup("jobs", "job:", {"former": "drain"}))
    await journal.record(recording(destination="former", kinds="order.placed", email="jo@example.com"))
    ran = await shell.relay("check")
    assert ran.code == 1
    (fault,) = (line for line in ran.out.splitlines() if line.startswith("fault"))
    assert "destinations.former" in fault
    assert "is not set, and 1 relay is to be sent there" in fault


async def test_check_names_a_weaker_fsync_without_calling_it_a_fault(shell: Shell, redis: Redis) -> None:
    await redis.config_set("appendfsync", "everysec")
    try:
        ran = await shell.relay("check")
    finally:
        await redis.config_set("appendfsync", "always")
    assert ran.code == 0
    assert "warn  redis appendfsync: everysec" in ran.out


async def test_check_looks_at_alerts_and_sends_a_test_on_request(
    shell: Shell, standin: Standin, hook: Hook, box: Mailbox
) -> None:
    shell.variables |= {"HOOK": hook.url, "MAIL_PASSWORD": box.password}
    shell.configure(standin.url, more=ALERTED.format(port=box.port))
    assert (await shell.relay("check")).code == 0
    assert (hook.tries, box.mails) == (0, [])
    ran = await shell.relay("check", "--alerts")
    assert ran.code == 0, ran.out
    assert [body["text"] for body in hook.bodies] == ["This is a test: alerts of the relay arrive here."]
    assert len(box.mails) == 1


async def test_check_names_channels_that_take_no_alert_without_their_secrets(
    shell: Shell, standin: Standin, hook: Hook, box: Mailbox
) -> None:
    hook.status = 404
    shell.variables |= {"HOOK": hook.url, "MAIL_PASSWORD": "a-wrong-password"}
    shell.configure(standin.url, more=ALERTED.format(port=box.port))
    dry = await shell.relay("check")
    assert [line for line in dry.out.splitlines() if line.startswith("fault")] == [
        "fault alerts to mail: it answered 535"
    ]
    ran = await shell.relay("check", "--alerts")
    assert ran.code == 1
    assert "it answered 404" in ran.out
    assert "a-secret-path" not in ran.out + ran.err
    assert "a-wrong-password" not in ran.out + ran.err


async def test_check_warns_where_nobody_would_be_told(shell: Shell) -> None:
    assert "warn  alerts: nobody is told" in (await shell.relay("check")).out


async def test_check_names_a_wrong_key_without_printing_it(shell: Shell) -> None:
    shell.variables["THE_KEY"] = "a-wrong-key"
    ran = await shell.relay("check")
    assert ran.code == 1
    (fault,) = (line for line in ran.out.splitlines() if line.startswith("fault"))
    assert "destinations.main.api_key" in fault
    assert "a-wrong-key" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("more", "source", "says"),
    [
        (
            "rate_per_minutes = 5",
            "",
            "destinations.main.rate_per_minutes is not a setting; did you mean 'rate_per_minute'?",
        ),
        ("timeout = 'soon'", "", "destinations.main.timeout is 'soon'"),
        ("", "upsel = 'event'", "sources.shop.upsel is not a setting; did you mean 'upsell'?"),
        ("", "timezone = 'New York'", "sources.shop.timezone is 'New York'"),
        (
            "",
            "[sources.shop.options]\n default_evnt = 'sale'",
            "sources.shop.options.default_evnt is not a setting",
        ),
    ],
)
async def test_a_wrong_setting_stops_with_one_line_that_names_it(
    shell: Shell, standin: Standin, more: str, source: str, says: str
) -> None:
    shell.configure(standin.url, more=more, source=source)
    for command in ("check", "serve", "work"):
        ran = await shell.relay(command)
        assert ran.code == 1
        assert says in ran.err
        assert len(ran.err.strip().splitlines()) == 1


async def test_a_web_process_that_cannot_listen_says_which_setting_to_look_at(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = await shell.relay("serve", "--port", str(taken.getsockname()[1]))
    assert ran.code == 1
    assert "is taken; choose another with --port or RELAY_PORT" in ran.err


async def test_check_names_a_variable_that_is_nearly_one_of_ours(shell: Shell) -> None:
    shell.variables |= {"RELAY_OPS_PASWORD": "hunter2", "RELAY_WEB_SERVICE_PORT": "80"}
    ran = await shell.relay("check")
    (warning,) = (line for line in ran.out.splitlines() if "RELAY_" in line)
    assert "RELAY_OPS_PASWORD: is not read by anything; did you mean RELAY_OPS_PASSWORD?" in warning


async def test_an_unset_variable_is_named(shell: Shell) -> None:
    del shell.variables["THE_KEY"]
    ran = await shell.relay("check")
    assert (ran.code, ran.out) == (1, "")
    assert "destinations.main.api_key asks for the environment variable THE_KEY" in ran.err


async def test_a_variable_that_only_relay_dev_reads_is_explained(shell: Shell) -> None:
    (shell.folder / ".env").write_text(f"THE_KEY={shell.variables.pop('THE_KEY')}")
    ran = await shell.relay("check")
    assert ".env has it, which only `relay dev` reads" in ran.err


async def test_a_file_is_mapped_without_any_secret(shell: Shell, standin: Standin) -> None:
    del shell.variables["THE_KEY"]
    shell.configure(standin.url, more=ANOTHER_SOURCE)
    ran = await shell.relay("map", "shop", FIXTURES / "order_placed__json_flat.http")
    assert ran.code == 0, ran.err


async def test_a_url_without_its_token_is_never_shown_as_one_to_paste(shell: Shell, standin: Standin) -> None:
    shell.configure(standin.url, more=ANOTHER_SOURCE)
    hidden = await shell.relay("sources")
    assert (hidden.code, "/in/other/•••" in hidden.out) == (0, True)
    revealed = await shell.relay("sources", "--reveal")
    assert revealed.code == 1
    assert "sources.other.tokens.0 asks for the environment variable NOT_SET" in revealed.err
    assert "env:" not in revealed.out


async def test_the_url_to_paste_is_the_one_the_world_reaches_and_revealing_it_is_written_down(
    shell: Shell, house: House
) -> None:
    shell.variables |= {"RELAY_PUBLIC_URL": "https://relay.shop.example/"}
    file = shell.folder / "relay.toml"
    file.write_text(file.read_text().replace(TOKEN, "a b/c"))
    ran = await shell.relay("sources", "--reveal")
    assert "  https://relay.shop.example/in/shop/a%20b%2Fc" in ran.out.splitlines()
    (act,) = (await house.desk().activity.page(limit=5)).acts
    assert (act.by, act.what, act.on) == ("relay command", "revealed the URL", "shop")


async def test_the_url_to_paste_is_told_before_anything_runs(shell: Shell) -> None:
    shell.variables["RELAY_REDIS_URL"] = "redis://127.0.0.1:1/0"
    ran = await shell.relay("sources", "--reveal")
    assert f"/in/shop/{TOKEN}" in ran.out
    assert "not known: Redis does not answer" in ran.out


async def test_a_relay_is_listed_shown_discarded_restored_and_retried(shell: Shell, house: House) -> None:
    await house.serve()
    answer = await house.post(error="unmappable", field="emailAddress")
    listed = await shell.relay("relays", "--status", "dead", "--json")
    assert [relay["id"] for relay in listed.json["relays"]] == [answer.id]
    shown = await shell.relay("show", answer.id)
    assert "dead: emailAddress: is missing" in shown.out
    (act,) = (await house.api("GET", "/activity")).json()["acts"]
    assert (act["by"], act["what"], act["on"]) == ("relay command", "revealed", answer.id)
    assert (await shell.relay("discard", answer.id)).out.strip() == f"{answer.id} is discarded"
    assert (await shell.relay("restore", answer.id)).out.strip() == f"{answer.id} is dead"
    again = await shell.relay("retry", answer.id, "--json")
    assert again.json["status"] == "dead"  # read by another adapter now, and still not mappable
    stats = (await shell.relay("stats")).json
    assert stats["balanced"]


async def test_relays_are_found_by_a_line_and_dead_letters_listed_by_cause(
    shell: Shell, house: House
) -> None:
    await house.serve()
    answer = await house.post(error="unmappable", field="emailAddress")
    await house.post(error="unmappable", field="orderId")
    found = await shell.relay("relays", "status:dead since:1h emailAddress", "--json")
    assert [relay["id"] for relay in found.json["relays"]] == [answer.id]
    wrong = await shell.relay("relays", "stauts:dead")
    assert (wrong.code, "perhaps 'status' is meant" in wrong.err) == (1, True)
    lost = await shell.relay("issues", "--cursor", "zz")
    assert (lost.code, lost.err.strip()) == (1, "relay: --cursor is 'zz'; the cursor is none of this list")
    issues = await shell.relay("issues")
    assert {line.split("  ")[-1] for line in issues.out.splitlines()} == {
        "emailAddress: is missing",
        "orderId: is missing",
    }


async def test_what_forgetting_a_person_came_to_is_told_as_json(shell: Shell, house: House) -> None:
    await house.serve()
    await house.post(placed(email="jo@example.com"))
    forgotten = await shell.relay("forget", "jo@example.com", "--json")
    assert forgotten.json == {"relays": 1, "orders": 1, "busy": [], "spooled": 0}


async def test_an_unknown_relay_is_one_line_and_exit_1(shell: Shell) -> None:
    for command in ("show", "retry", "discard", "restore"):
        ran = await shell.relay(command, "nope")
        assert (ran.code, ran.err.strip()) == (1, "relay: there is no relay nope")


async def test_send_signs_as_the_source_s_sender_does(shell: Shell, standin: Standin, house: House) -> None:
    secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cywgbG9uZyBlbm91Z2g="
    signature = {"scheme": "standard-webhooks", "secrets": [secret]}
    house.raw["sources"]["shop"].update(signature=signature, correctable=False)
    shell.configure(
        standin.url, source=f"signature = {{ scheme = 'standard-webhooks', secrets = ['{secret}'] }}"
    )
    shell.variables["RELAY_PORT"] = (await house.serve()).rpartition(":")[2]
    file = FIXTURES / "order_placed__json_flat.http"
    first, second = [await shell.relay("send", "shop", file) for _ in "12"]
    assert first.out.startswith("200 ")
    assert json.loads(second.out.removeprefix("200 "))["duplicate"]  # another delivery of the same bytes


async def test_send_posts_a_raw_file_and_sources_show_it(shell: Shell, house: House) -> None:
    house.raw["sources"]["shop"]["tokens"] = [TOKEN]
    origin = await house.serve()
    shell.variables["RELAY_PORT"] = origin.rpartition(":")[2]
    sent = await shell.relay("send", "shop", FIXTURES / "order_placed__get.http")
    assert sent.out.startswith("200 ")
    hidden = await shell.relay("sources")
    revealed = await shell.relay("sources", "--reveal")
    assert TOKEN not in hidden.out
    assert f"/in/shop/{TOKEN}" in revealed.out
    assert "1 received" in revealed.out
