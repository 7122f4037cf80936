"""Many relays in one go, as a person does it in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from relay.journal.records import Status
from relay.normalise import times
from relay.ops.access import Role
from relay.ops.access.people import line
from tests.browser.busy import REFUSED, refused
from tests.recordings import recording
from tests.support import House, placed

PASSWORD = "correct horse battery"


async def counted(house: House, status: str) -> int:
    found = (await house.desk().overview.stats()).counts[Status(status)]
    assert found is not None
    return found


def heading(page: Page) -> Locator:
    return page.get_by_role("heading", level=1)


def sum_of(page: Page, status: str) -> Locator:
    return page.locator(f"#sum a.{status} b")


async def test_after_a_trial_the_rest_of_an_issue_follows(house: House, page: Page) -> None:
    await house.work()
    await refused(house, *(f"A-{n}" for n in range(1, 8)))
    clicks = 0

    async def click(target: Locator) -> None:
        nonlocal clicks
        clicks += 1
        await target.click()

    await page.goto("/ops/")
    await click(page.get_by_role("link", name="Look at the issues"))
    await click(page.get_by_role("link", name=REFUSED))
    await click(page.get_by_role("button", name="Retry one as a trial"))
    await expect(page.get_by_text("The trial was delivered; 6 relays can follow")).to_be_visible()
    await click(page.get_by_role("link", name="Retry the other 6"))
    await expect(heading(page)).to_have_text("Retry 6 relays?")
    await expect(page.get_by_text("Nothing has been done yet")).to_be_visible()
    assert len(house.standin.accepted) == 1
    await click(page.get_by_role("button", name="Retry 6 now"))
    await expect(heading(page)).to_contain_text("Done: 6 relays queued again")
    await expect(sum_of(page, "delivered")).to_have_text("7")
    await expect(sum_of(page, "dead")).to_have_text("0")
    assert clicks <= 6
    assert len(house.standin.accepted) == 7
    await page.goto("/ops/activity")
    await expect(page.get_by_text("started a replay: retry")).to_be_visible()


async def test_what_fits_a_filter_is_planned_paused_and_cancelled(house: House, page: Page) -> None:
    await house.work()
    await refused(house, "A-1", "A-2", "A-3")
    await house.rest()
    await page.goto("/ops/relays?filter=status:dead")
    await page.get_by_role("link", name="Discard all 3").click()
    await expect(heading(page)).to_have_text("Discard 3 relays?")
    await page.get_by_role("link", name="No, leave them").click()
    await expect(page).to_have_url(re.compile("/ops/relays"))
    assert await house.desk().replays.newest() == []
    await page.get_by_role("link", name="Discard all 3").click()
    await page.get_by_role("button", name="Discard 3 now").click()
    await page.get_by_role("button", name="Pause").click()
    await expect(heading(page)).to_contain_text("paused")
    await page.get_by_role("button", name="Cancel").click()
    await expect(heading(page)).to_contain_text("Ended after 0 relays")
    await expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    await page.get_by_role("link", name="Replays").first.click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("cancelled")
    assert await counted(house, "dead") == 3


async def test_a_replay_that_was_paused_goes_on_and_tells_so_by_itself(house: House, page: Page) -> None:
    await house.work()
    await refused(house, "A-1", "A-2")
    await house.rest()
    await page.goto("/ops/replays/new?filter=status:dead&act=discard")
    await page.get_by_role("button", name="Discard 2 now").click()
    await page.get_by_role("button", name="Pause").click()
    await page.get_by_role("button", name="Go on").click()
    await expect(heading(page)).to_contain_text("running")
    await house.work()
    await expect(heading(page)).to_contain_text("Done: 2 relays discarded")
    await expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert await counted(house, "discarded") == 2


async def test_it_works_without_a_script(house: House, page: Page, browser: Browser) -> None:
    await house.work()
    relays = await refused(house, "A-1", "A-2")
    await house.rest()
    context = await browser.new_context(base_url=str(house.http.base_url), java_script_enabled=False)
    plain = await context.new_page()
    await plain.goto("/ops/replays/new?filter=status:dead")
    await plain.get_by_role("button", name="Retry 2 now").click()
    await expect(heading(plain)).to_contain_text("running")
    await house.work()
    for relay in relays:
        await house.until(relay, "delivered")
    await plain.get_by_role("link", name="Refresh").click()
    await expect(sum_of(plain, "delivered")).to_have_text("2")
    await context.close()


async def test_what_is_old_takes_a_second_word(house: House, page: Page) -> None:
    await _a_week_old(house)
    await page.goto("/ops/replays/new?filter=status:dead")
    await expect(heading(page)).to_have_text("Nothing to retry")
    await expect(page.get_by_text("1 relay is older than 72 hours")).to_be_visible()
    await page.get_by_role("link", name="Plan it with the old ones").click()
    await expect(heading(page)).to_have_text("Retry 1 relay?")
    await page.get_by_role("button", name="Retry 1 now").click()
    await expect(heading(page)).to_have_text("Retry 1 relay?")
    assert await house.desk().replays.newest() == []
    await page.get_by_label("Send the old ones too").check()
    await page.get_by_role("button", name="Retry 1 now").click()
    await expect(heading(page)).to_contain_text("Retrying what fits")
    [begun] = await house.desk().replays.newest()
    assert begun.stale


async def test_a_plan_says_which_destination_holds_what_is_sent_again(house: House, page: Page) -> None:
    await house.work()
    [relay] = await refused(house, "A-1")
    await house.desk().acts.pause("main", by="ann", reason="")
    await page.goto("/ops/replays/new?filter=status:dead")
    await expect(page.get_by_text("main is paused since")).to_be_visible()
    await expect(page.get_by_text("What is sent again is held, and leaves in order")).to_be_visible()
    await page.get_by_role("button", name="Retry 1 now").click()
    await expect(heading(page)).to_have_text("Done: 1 relay queued again")
    await expect(page.get_by_text("Queued is not yet delivered.")).to_be_visible()
    await expect(page.get_by_text("They leave at the destination's budget")).to_have_count(0)
    await expect(page.get_by_text("main is paused since")).to_be_visible()
    await house.until(relay, "held")
    await page.goto(f"/ops/relays/{relay}")
    await page.get_by_role("link", name="Look at main").click()
    await expect(page.get_by_role("button", name="Resume")).to_be_visible()


async def test_an_empty_filter_is_not_everything(house: House, page: Page) -> None:
    await page.goto("/ops/replays/new?filter=+")
    await expect(page.get_by_role("alert")).to_contain_text("An empty filter is every relay there is")
    await page.goto("/ops/replays/new?filter=stauts:dead")
    await expect(page.get_by_role("alert")).to_contain_text("perhaps 'status' is meant")


async def test_a_viewer_sees_the_plan_and_starts_nothing(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    users = tmp_path / "users"
    users.write_text(line("vera", Role.VIEWER, PASSWORD))
    house.env = house.env.model_copy(update={"users_file": users})
    await house.start()
    await refused(house, "A-1")
    context = await browser.new_context(base_url=str(house.http.base_url))
    page = await context.new_page()
    await page.goto("/ops/replays/new?filter=status:dead")
    await page.get_by_label("Name").fill("vera")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(heading(page)).to_have_text("Retry 1 relay?")
    await expect(page.get_by_text("Your role may look at this")).to_be_visible()
    await expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    posted = await page.evaluate(
        """async () => {
             const token = document.querySelector("[name=token]").value;
             const body = new URLSearchParams({ token, filter: "status:dead" });
             const answer = await fetch("/ops/replays", { method: "POST", body });
             return [answer.status, await answer.text()];
           }"""
    )
    assert posted[0] == 403
    assert "Your role is viewer; this takes operator." in posted[1]
    assert await house.desk().replays.newest() == []
    await context.close()


async def _a_week_old(house: House) -> None:
    """A dead letter of last week."""
    at = times.now_ms() - 7 * 86_400_000
    blob = json.dumps({"postback": {}, "reading": {"events": [placed("O-1")]}}).encode()
    await house.journal().record(
        recording(at_ms=at, status=Status.DEAD, blob=blob, stage="deliver", reason="refused")
    )
