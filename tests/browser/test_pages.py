"""What a person does on the pages, in a real browser."""

from __future__ import annotations

import json
import re

from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr

from tests.browser.busy import REFUSED, refused
from tests.support import House, placed


async def refresh(page: Page) -> None:
    """As if one came back to the tab: what is live is asked for again at once."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def test_the_first_sentence_follows_the_destination(house: House, page: Page) -> None:
    await house.work()
    sale = await house.post(placed("A-1"))
    await house.until(sale.id, "delivered")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Relaying normally")
    house.standin.keys = {"another key"}
    held = await house.post(placed("A-2"))
    await house.until(held.id, "held")
    await refresh(page)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Holding 1 relay for main: the API key was refused"
    )
    await page.get_by_role("link", name="Look at main").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()
    house.standin.keys = None
    await page.get_by_role("button", name="Resume").click()
    await house.until(held.id, "delivered")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Relaying normally")


async def test_the_first_sentence_tells_of_a_destination_that_takes_nothing(house: House, page: Page) -> None:
    house.raw["destinations"]["main"]["retry_schedule"] = ["10m"]
    await house.work()
    house.standin.faults.status(503, times=None)
    for n in range(3):
        relay = await house.post(placed(f"A-{n}", email=f"kim{n}@example.com"))
        await house.until(relay.id, "retrying")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("main takes nothing since")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("3 relays are tried again")
    await page.get_by_role("link", name="Look at what was answered").click()
    await page.locator(f"a[href='/ops/relays/{relay.id}']").click()
    said = page.locator("[data-say]")
    await expect(said).to_have_attribute("data-say", re.compile(r"^Tried again in \d+ min$"))
    await expect(said).not_to_contain_text('">')


async def test_an_issue_is_tried_with_one(house: House, page: Page) -> None:
    await house.work()
    relays = await refused(house, "A-1", "A-2", "A-3")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "3 relays are dead and wait for a person"
    )
    await page.get_by_role("link", name="Look at the issues").click()
    await page.get_by_role("link", name=REFUSED).click()
    await page.get_by_role("button", name="Retry one as a trial").click()
    await expect(page.get_by_text("The trial was delivered; 2 relays can follow")).to_be_visible()
    assert len(house.standin.accepted) == 1
    assert (await house.queries().detail(relays[0])) is not None


async def test_a_trial_of_the_only_one_is_not_told_as_settled_before_it_is(house: House, page: Page) -> None:
    await house.work()
    await refused(house, "A-1")
    await page.goto("/ops/issues")
    await page.get_by_role("link", name=REFUSED).click()
    house.standin.keys = {"another key"}
    await page.get_by_role("button", name="Retry one as a trial").click()
    await expect(page.get_by_text("The trial is on its way")).to_be_visible()
    await expect(page.locator("#state-of-it .status.held")).to_be_visible()
    house.standin.keys = None
    house.standin.faults.status(422, times=None, message=REFUSED)
    await house.desk().acts.resume("main", by="ann")
    await expect(page.get_by_text("The trial was refused again")).to_be_visible()
    house.standin.faults.clear()
    await page.get_by_role("button", name="Try it again").click()
    await expect(page.get_by_text("None of it is dead any more")).to_be_visible()


async def test_the_outage_is_over_in_six_clicks(house: House, page: Page) -> None:
    await house.work()
    relays = await refused(house, "A-1", "A-2", "A-3")
    await page.goto("/ops/")
    await page.get_by_role("link", name="Look at the issues").click()
    await page.get_by_role("link", name=REFUSED).click()
    await page.get_by_role("button", name="Retry one as a trial").click()
    await page.get_by_role("link", name="Retry the other 2").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Retry 2 relays?")
    await page.get_by_role("button", name="Retry 2 now").click()
    for relay in relays:
        await house.until(relay, "delivered")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Done: 2 relays queued again")
    await page.goto("/ops/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Relaying normally")
    assert len(house.standin.accepted) == 3


async def test_a_refused_order_is_edited_and_delivered(house: House, page: Page) -> None:
    await house.work()
    [relay] = await refused(house, "A-1")
    await page.goto(f"/ops/relays/{relay}")
    await expect(page.get_by_text(REFUSED).first).to_be_visible()
    await expect(page.get_by_text("a-1@example.com", exact=False)).to_have_count(0)
    await page.get_by_role("link", name="Edit and retry").click()
    await page.get_by_label("currency").fill("dollars")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("not an ISO 4217 currency code")
    await page.get_by_label("currency").fill("USD")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("deletion")).to_contain_text("EUR")
    await expect(page.get_by_role("insertion")).to_contain_text("USD")
    await page.get_by_role("button", name="Save and deliver").click()
    await house.until(relay, "delivered")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("delivered")
    body = house.standin.accepted[-1].body
    assert (body["currency"], body["customer"]) == ("USD", {"email": "A-1@example.com"})
    await page.goto(f"/ops/relays/{relay}")
    await expect(page.locator("#panes").get_by_role("deletion")).to_contain_text("EUR")


async def test_an_address_that_is_written_anew_is_seen_before_it_is_sent(house: House, page: Page) -> None:
    await house.work()
    [relay] = await refused(house, "A-1")
    await page.goto(f"/ops/relays/{relay}/edit")
    email = page.get_by_label("customer.email")
    await email.fill("ann@e•••")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("customer.email: still holds •••")
    await expect(page.get_by_role("button", name="Save and deliver")).to_have_count(0)
    await email.fill("ann@example.com")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("deletion")).to_contain_text("A•••@e•••")
    await expect(page.get_by_role("insertion")).to_contain_text("ann@example.com")
    await page.get_by_role("button", name="Save and deliver").click()
    await house.until(relay, "delivered")
    assert house.standin.accepted[-1].body["customer"] == {"email": "ann@example.com"}


async def test_an_event_is_edited_as_json_too(house: House, page: Page) -> None:
    await house.work()
    [relay] = await refused(house, "A-1")
    await page.goto(f"/ops/relays/{relay}/edit?as=json")
    area = page.get_by_label("The event as JSON")
    await area.fill("{ not json")
    await page.get_by_role("button", name="Check").click()
    await expect(page.get_by_role("alert")).to_contain_text("This is not JSON")
    await page.goto(f"/ops/relays/{relay}/edit?as=json")
    event = json.loads(await area.input_value())
    assert event["customer"]["email"] == "A•••@e•••"
    await area.fill(json.dumps({**event, "currency": "USD"}))
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("button", name="Save and deliver").click()
    await house.until(relay, "delivered")
    assert house.standin.accepted[-1].body["customer"] == {"email": "A-1@example.com"}


async def test_a_discard_is_taken_back(house: House, page: Page) -> None:
    await house.work()
    [relay] = await refused(house, "A-1")
    await page.goto(f"/ops/relays/{relay}")
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("discarded")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("dead")
    await house.until(relay, "dead")
    await page.goto("/ops/activity")
    await expect(page.get_by_role("row")).to_have_count(3)
    await expect(page.get_by_role("row").nth(1)).to_contain_text("this machine")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("restored")


async def test_names_are_masked_until_revealed_and_that_is_written_down(house: House, page: Page) -> None:
    await house.work()
    sale = await house.post(placed("A-1", email="jo@example.com"))
    await house.until(sale.id, "delivered")
    await page.goto(f"/ops/relays/{sale.id}")
    await expect(page.locator("body")).not_to_contain_text("jo@example.com")
    await page.get_by_role("button", name="Reveal").click()
    await expect(page.get_by_text('"jo@example.com"').first).to_be_visible()
    await page.goto("/ops/activity")
    await expect(page.get_by_role("row").nth(1)).to_contain_text("revealed")


async def test_some_are_ticked_and_discarded(house: House, page: Page) -> None:
    await house.work()
    relays = await refused(house, "A-1", "A-2", "A-3")
    await page.goto("/ops/relays?filter=status:dead")
    await expect(page.get_by_role("button", name="Discard", exact=True)).to_be_disabled()
    await page.get_by_label("A-1").check()
    await page.get_by_label("A-3").check()
    await expect(page.get_by_text("2 ticked")).to_be_visible()
    await page.get_by_role("button", name="Discard", exact=True).click()
    await expect(page.get_by_role("status").first).to_contain_text("2 relays discarded")
    await house.until(relays[0], "discarded")
    await house.until(relays[1], "dead")


async def test_an_unknown_filter_word_is_refused_with_a_hint(house: House, page: Page) -> None:
    await page.goto("/ops/relays")
    await page.get_by_label("Filter").fill("stauts:dead")
    await page.get_by_role("button", name="Show").click()
    await expect(page.get_by_role("alert")).to_contain_text("perhaps 'status' is meant")
    await expect(page.get_by_label("Filter")).to_have_value("stauts:dead")


async def test_a_source_that_never_received_is_sent_a_test(house: House, page: Page) -> None:
    await house.work()
    await page.goto("/ops/")
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ignored")
    await expect(page.get_by_text("Nothing was sent to anyone").first).to_be_visible()
    assert house.standin.received_total == 0
    await page.goto("/ops/sources")
    await page.get_by_role("button", name="Reveal").click()
    await expect(page.locator("code", has_text="/in/shop/a-token-of-the-tests")).to_be_visible()


async def test_a_wrong_password_and_then_the_right_one(house: House, page: Page) -> None:
    await house.stop()
    house.env = house.env.model_copy(update={"ops_password": SecretStr("correct horse")})
    origin = await house.serve()
    await page.goto(f"{origin}/ops/issues")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("The password is wrong.")
    await page.get_by_label("Password").fill("correct horse")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Issues")
    await page.context.clear_cookies()
    await refresh(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await page.get_by_label("Password").fill("correct horse")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Issues")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_the_keyboard_is_enough(house: House, page: Page) -> None:
    await house.work()
    [relay, _] = await refused(house, "A-1", "A-2")
    await page.goto("/ops/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("g")
    await page.keyboard.press("r")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Relays")
    await page.keyboard.press("/")
    await page.keyboard.type("status:dead")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("filter=status"))
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("X")
    await expect(page.get_by_text("2 ticked")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Order A-1")
    await page.get_by_role("button", name="Retry as it is").focus()
    await page.keyboard.press("Enter")
    await house.until(relay, "delivered")


async def test_every_act_works_without_a_script(house: House, browser: Browser) -> None:
    await house.start()
    [one, other] = await refused(house, "A-1", "A-2")
    options = {"base_url": str(house.http.base_url), "java_script_enabled": False}
    async with await browser.new_context(**options) as context:  # type: ignore[arg-type]
        page = await context.new_page()
        said, heading = page.get_by_role("status"), page.get_by_role("heading", level=1)

        async def press(name: str) -> None:
            await page.get_by_role("button", name=name, exact=True).first.click()

        await page.goto(f"/ops/relays/{one}")
        await press("Reveal")
        await expect(page.get_by_text("Revealed; that you looked is written down.")).to_be_visible()
        await press("Discard")
        await expect(said).to_contain_text("Discarded: it will not be sent.")
        await press("Undo")
        await expect(heading).to_contain_text("dead")
        await page.get_by_role("link", name="Edit and retry").click()
        await page.get_by_label("currency").fill("USD")
        await press("Check")
        await press("Save and deliver")
        await house.until(one, "delivered")
        await page.goto("/ops/issues")
        await page.get_by_role("link", name=REFUSED).click()
        await press("Mute")
        await press("Unmute")
        await expect(said).to_contain_text("It raises alerts again.")
        await page.goto("/ops/destinations")
        await page.get_by_text("Pause it").click()
        await press("Pause main")
        await expect(page.get_by_text("Nothing waits yet for main: paused by")).to_be_visible()
        await page.goto("/ops/relays?filter=status:dead")
        await page.get_by_label("A-2").check()
        await press("Retry")
        await expect(said).to_contain_text("1 relay on the way again")
        await house.until(other, "held")
        await page.goto("/ops/destinations")
        await press("Resume")
        await house.until(other, "delivered")
        await page.goto("/ops/sources")
        await press("Reveal")
        await expect(page.get_by_text("That you looked is written down.")).to_be_visible()
        await press("Send a test")
        await expect(heading).to_contain_text("ignored")


async def test_what_is_opened_stays_open_while_the_page_keeps_up(house: House, page: Page) -> None:
    await house.work()
    first = await house.post(placed("A-1"))
    await house.until(first.id, "delivered")
    await page.goto("/ops/")
    await page.get_by_text("As a table").click()
    await page.get_by_role("link", name="Relay", exact=True).focus()
    second = await house.post(placed("A-2"))
    await house.until(second.id, "delivered")
    await refresh(page)
    await expect(page.locator("#day").get_by_role("row").nth(1)).to_contain_text("2")
    await expect(page.locator("#day details")).to_have_attribute("open", "")


async def test_nothing_moves_for_who_asks_for_less_motion(house: House, page: Page) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await page.goto("/ops/")
    await page.keyboard.press("?")
    toast = page.locator(".toasts p")
    await expect(toast).to_contain_text("/ filter")
    assert await toast.evaluate("(line) => getComputedStyle(line).animationName") == "none"


async def test_every_control_shows_where_the_keyboard_is(house: House, page: Page) -> None:
    await house.work()
    await refused(house, "A-1")
    for path in ("/ops/", "/ops/relays?filter=status:dead", "/ops/destinations"):
        await page.goto(path)
        there = await page.locator(
            "a:visible, button:visible:enabled, input:visible, summary:visible"
        ).count()
        for _ in range(there):
            await page.keyboard.press("Tab")
            ring = await page.evaluate("getComputedStyle(document.activeElement).outline")
            assert "solid 3px" in ring, await page.evaluate("document.activeElement.outerHTML")


async def test_a_tab_that_nobody_sees_asks_for_nothing(house: House, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/ops/") else None)
    await page.clock.install()
    await page.goto("/ops/")
    before = len(asked)
    async with page.expect_response("**/ops/"):
        await page.clock.run_for(6_000)
    assert len(asked) == before + 1
    await page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    await refresh(page)
    await page.clock.run_for(600_000)
    assert len(asked) == before + 1
    await page.evaluate("Object.defineProperty(document, 'hidden', {get: () => false})")
    async with page.expect_response("**/ops/"):
        await refresh(page)
