"""Orders' lives as stories in steps: what was told, and which calls it came to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.compose.book import Sent
from relay.compose.compose import Moment, Send, compose
from relay.compose.policy import Policy
from relay.normalise.contract import Postback
from relay.normalise.events import load
from relay.testing.story import Story
from tests.support import cancelled, checkout, fulfilled, placed, refunded, thin

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE = START - timedelta(days=1)


def tell(
    *steps: dict[str, Any], policy: Policy | None = None, apart: timedelta = timedelta(minutes=1)
) -> list[str]:
    """Each step told by a postback of its own; the calls as words: "placed 4990", and "-" for none."""
    story = Story(policy or Policy(since=SINCE))
    words = []
    for number, step in enumerate(steps, 1):
        postback = Postback("POST", "", {}, b"", START + apart * number)
        told = list(story.tell(number, postback, load([step])))
        words.append(" + ".join(_word(call) for call in told if "path" in call) or "-")
    return words


def _word(call: dict[str, Any]) -> str:
    body = call["body"]
    if call["path"] == "/checkouts":
        return "checkout"
    if call["path"] == "/subscribers/events":
        return f"event {body['event']}"
    if body["status"] == "refunded":
        return f"refunded {body['refundAmountCents']}"
    return f"{body['status']} {body['totalCents']}" if body["status"] == "placed" else str(body["status"])


def test_an_ordinary_life() -> None:
    assert tell(checkout(), placed(), fulfilled(), refunded()) == [
        "checkout",
        "placed 4990",
        "fulfilled",
        "refunded 4990",
    ]


def test_everything_told_twice_goes_out_once() -> None:
    assert tell(placed(), placed(), fulfilled(), fulfilled(), cancelled(), cancelled()) == [
        "placed 4990",
        "-",
        "fulfilled",
        "-",
        "cancelled",
        "-",
    ]


def test_an_upsell_pushes_the_order_again_with_its_new_total() -> None:
    assert tell(placed(total=100), placed(total=150), placed(total=100)) == ["placed 100", "placed 150", "-"]


def test_an_upsell_can_become_an_event_instead() -> None:
    policy = Policy(since=SINCE, upsell="event")
    assert tell(placed(total=100), placed(total=150), policy=policy) == ["placed 100", "event order.upsold"]


def after_the_hold(*steps: dict[str, Any], policy: Policy | None = None) -> list[dict[str, Any]]:
    """The calls that come of the first of `steps`, a sale, once its hold is over and all of them are told."""
    policy = policy or Policy(since=SINCE, upsell="hold")
    story = Story(policy)
    for number, step in enumerate(steps, 1):
        told = story.tell(number, Postback("POST", "", {}, b"", START), load([step]))
        assert [call for call in told if call.get("body", {}).get("status") == "placed"] == []
    known = story.books.of("id:A-1")
    assert known is not None
    (sale,) = load([steps[0]])
    moment = Moment(relay=f"{1:020d}", received_at=START, now=START + policy.upsell_hold)
    composed = compose(sale, replace(known.facts, sent=Sent()), policy, moment)
    return [call.body for call in composed.calls] if isinstance(composed, Send) else []


def bought(*products: str) -> dict[str, Any]:
    return {"items": [{"product_id": product, "title": product} for product in products]}


def test_a_held_sale_goes_out_once_with_the_final_total_and_all_that_was_bought() -> None:
    first, upsell = placed(total=100, **bought("tea")), placed(total=150, **bought("tea", "cup"))
    for sale in (upsell, placed(total=150)):
        (call,) = after_the_hold(first, sale)
        assert call["totalCents"] == 150
        products = [item["productId"] for item in call["items"]]
        assert products == [item["product_id"] for item in (sale.get("items") or first["items"])]


def test_a_held_sale_goes_out_though_as_much_as_its_first_total_was_given_back() -> None:
    (call,) = after_the_hold(placed(total=100), placed(total=150), refunded(100, total=150))
    assert call["totalCents"] == 150
    assert after_the_hold(placed(total=100), placed(total=150), refunded(150, total=150)) == []


def test_a_held_sale_of_an_order_that_came_back_after_its_cancel_goes_out() -> None:
    revived = Policy(since=SINCE, upsell="hold", upsell_hold=timedelta(0), revive=True)
    assert tell(cancelled(), placed(), policy=revived) == ["cancelled", "placed 4990"]
    held = replace(revived, upsell_hold=timedelta(hours=1))
    assert after_the_hold(placed(), cancelled(), policy=held) == []


def test_partial_refunds_go_out_as_steps_that_sum_to_the_cumulative_amount() -> None:
    assert tell(placed(), refunded(1000), refunded(2500), refunded(2500), refunded()) == [
        "placed 4990",
        "refunded 1000",
        "refunded 1500",
        "-",
        "refunded 2490",
    ]


@pytest.mark.parametrize(("since", "calls"), [(START, ["fulfilled"]), (None, ["placed", "fulfilled"])])
def test_what_a_rehearsal_received_is_made_up_only_for_orders_of_the_time_since(
    since: datetime | None, calls: list[str]
) -> None:
    story = Story(Policy())
    dated: dict[str, Any] = {"ordered_at": "2026-03-01T10:00:00Z"}
    list(story.tell(1, Postback("POST", "", {}, b"", START), load([placed(**dated)])))
    known = story.books.of("id:A-1")
    assert known is not None
    rehearsed = replace(known.facts, sent=Sent())
    (shipped,) = load([fulfilled(**dated)])
    composed = compose(
        shipped, rehearsed, Policy(since=since), Moment(relay="2", received_at=START, now=START)
    )
    assert isinstance(composed, Send)
    assert [call.body["status"] for call in composed.calls] == calls


def test_a_step_that_is_sent_once_more_is_the_step_it_was() -> None:
    story = Story(Policy(since=SINCE))
    steps = [placed(), refunded(1000), refunded(1500)]
    for number, step in enumerate(steps, 1):
        list(story.tell(number, Postback("POST", "", {}, b"", START), load([step])))
    known = story.books.of("id:A-1")
    assert known is not None
    relay, last = max(known.facts.refunds, key=lambda told: told[0])
    moment = Moment(relay=relay, received_at=START, now=START, force=True)
    composed = compose(last, known.facts, Policy(since=SINCE), moment)
    assert isinstance(composed, Send)
    assert [call.body["refundAmountCents"] for call in composed.calls] == [500]


def test_an_overtaken_refund_is_ignored() -> None:
    assert tell(placed(), refunded(2500), refunded(1000)) == ["placed 4990", "refunded 2500", "-"]


def test_refunds_can_be_told_as_cumulative_amounts() -> None:
    policy = Policy(since=SINCE, refund_amount="cumulative")
    assert tell(placed(), refunded(1000), refunded(2500), policy=policy)[1:] == [
        "refunded 1000",
        "refunded 2500",
    ]


def test_refunds_told_as_steps_are_summed_by_their_ids() -> None:
    def step(number: int, amount: int) -> dict[str, Any]:
        return refunded() | {"refund": {"basis": "step", "amount_minor": amount, "id": f"r{number}"}}

    assert tell(placed(), step(1, 1000), step(2, 500), step(1, 1000)) == [
        "placed 4990",
        "refunded 1000",
        "refunded 500",
        "-",
    ]


def test_a_parcel_still_ships_after_a_partial_refund_but_not_after_a_full_one() -> None:
    assert tell(placed(), refunded(1000), fulfilled())[-1] == "fulfilled"
    assert tell(placed(), refunded(), fulfilled())[-1] == "-"


@pytest.mark.parametrize(("upsell", "told"), [("event", "event order.upsold"), ("hold", "-")])
def test_an_order_goes_on_when_all_but_its_upsell_was_given_back(upsell: Any, told: str) -> None:
    policy = Policy(since=SINCE, upsell=upsell, upsell_hold=timedelta(0))
    steps = (placed(total=100), placed(total=150), refunded(100, total=150), fulfilled(total=150))
    assert tell(*steps, policy=policy) == ["placed 100", told, "refunded 100", "fulfilled"]


def test_an_upsell_that_a_refund_of_the_first_sale_overtook_is_still_told() -> None:
    steps = (placed(total=100), refunded(100, total=150), placed(total=150), fulfilled(total=150))
    assert tell(*steps) == ["placed 100", "refunded 100", "placed 150", "fulfilled"]


@pytest.mark.parametrize(
    "whole", [thin("order.refunded", refund={"basis": "full"}), refunded(100, total=100), refunded(total=100)]
)
def test_an_upsell_that_a_full_refund_overtook_is_not_told(whole: dict[str, Any]) -> None:
    steps = (placed(total=100), whole, placed(total=150), fulfilled(total=150))
    assert tell(*steps)[1:] == ["refunded 100", "-", "-"]
    if "total_minor" in whole:
        assert tell(*steps[1:]) == ["refunded 100", "-", "-"]


def test_a_sale_is_told_though_a_refund_of_a_part_whose_total_was_not_said_overtook_it() -> None:
    part = thin("order.refunded", refund={"basis": "cumulative", "amount_minor": 100})
    known = part | {"customer": {"email": "jo@example.com"}, "currency": "USD"}
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    told = [list(story.tell(n, postback, load([e]))) for n, e in ((2, placed(total=300)), (1, known))]
    assert [call["body"]["status"] for calls in told for call in calls] == ["placed", "refunded"]
    facts = story.books.of("id:A-1")
    assert facts is not None
    assert not replace(facts.facts, sent=Sent({"refunded@100": ""})).fully_refunded


def test_a_sale_is_never_told_after_a_full_refund() -> None:
    assert tell(refunded(), placed()) == ["refunded 4990", "-"]


def test_a_cancelled_order_comes_back_only_where_the_source_allows_it() -> None:
    assert tell(cancelled(), placed()) == ["cancelled", "-"]
    assert tell(cancelled(), placed(), policy=Policy(since=SINCE, revive=True)) == [
        "cancelled",
        "placed 4990",
    ]


def test_an_overtaken_sale_is_made_up_before_its_shipment() -> None:
    dated = fulfilled(ordered_at="2026-03-01T10:00:00Z")
    assert tell(dated, placed()) == ["placed 4990 + fulfilled", "-"]


@pytest.mark.parametrize("ordered_at", [None, "2025-12-24T10:00:00Z"])
def test_a_sale_is_not_made_up_for_an_order_that_is_old_or_undated(ordered_at: str | None) -> None:
    dated = fulfilled() if ordered_at is None else fulfilled(ordered_at=ordered_at)
    assert tell(dated) == ["fulfilled"]


@pytest.mark.parametrize("end", [cancelled, refunded])
def test_a_sale_is_never_made_up_before_an_end(end: Any) -> None:
    told = tell(end(ordered_at="2026-03-01T10:00:00Z"))
    assert "placed" not in told[0]


def test_a_thin_shipment_takes_what_it_lacks_from_the_book() -> None:
    assert tell(placed(), thin("order.fulfilled")) == ["placed 4990", "fulfilled"]


def test_a_thin_shipment_of_an_unknown_order_sends_nothing() -> None:
    assert tell(thin("order.fulfilled")) == ["-"]


def test_a_checkout_is_dropped_once_its_order_or_one_of_the_customer_is_known() -> None:
    assert tell(placed(), checkout()) == ["placed 4990", "-"]
    assert tell(placed("A-1"), checkout("C-2")) == ["placed 4990", "-"]
    assert tell(placed("A-1"), checkout("C-2"), apart=timedelta(hours=25)) == ["placed 4990", "checkout"]


def test_a_checkout_that_is_too_old_by_its_own_time_is_dropped() -> None:
    assert tell(checkout(started_at="2026-02-27T12:00:00Z")) == ["-"]


def test_the_order_carries_the_id_of_its_checkout() -> None:
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    list(story.tell(1, postback, load([checkout()])))
    (call,) = story.tell(2, postback, load([placed()]))
    assert call["body"]["properties"] == {"checkoutId": "A-1"}


@pytest.mark.parametrize(
    ("chargeback", "calls"),
    [("refunded", ["refunded 4990"]), ("event", ["event chargeback"]), ("ignore", ["-"])],
)
def test_a_chargeback_becomes_what_the_source_says(chargeback: Any, calls: list[str]) -> None:
    told = refunded() | {"refund": {"basis": "full", "chargeback": True}}
    assert tell(told, policy=Policy(since=SINCE, chargeback=chargeback)) == calls


def test_a_refund_of_unknown_amount_is_refused_naming_the_field() -> None:
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    told = list(
        story.tell(
            1, postback, load([thin("order.refunded", **{k: v for k, v in placed().items() if k != "kind"})])
        )
    )
    assert [one["skipped"].partition(";")[0] for one in told] == [
        "the postback does not say how much was refunded"
    ]


def test_two_names_of_one_order_lead_to_one_book_and_the_name_sent_first_stays() -> None:
    whole = placed() | {"order_id": "7D02AA91C0", "names": ["client:7D02AA91C0", "number:61044"]}
    by_number = thin("order.fulfilled") | {"order_id": "61044", "names": ["number:61044"]}
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    sent = [*story.tell(1, postback, load([whole])), *story.tell(2, postback, load([by_number]))]
    assert [call["body"]["orderId"] for call in sent] == ["7D02AA91C0", "7D02AA91C0"]


def test_a_default_currency_never_overrides_what_the_order_was_told_in() -> None:
    sale = placed(total=4980) | {"currency": "JPY"}
    assumed = fulfilled(total=498_000) | {"currency_assumed": True}
    again = placed(total=498_000) | {"currency_assumed": True}
    given_back = refunded(100_000, total=498_000) | {"currency_assumed": True}
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    sent = []
    for number, told in enumerate((sale, assumed, again, given_back), 1):
        sent += [c["body"] for c in story.tell(number, postback, load([told])) if "path" in c]
    assert [(b["status"], b["totalCents"], b["currency"]) for b in sent] == [
        ("placed", 4980, "JPY"),
        ("fulfilled", 4980, "JPY"),
        ("refunded", 4980, "JPY"),
    ]
    assert sent[-1]["refundAmountCents"] == 1000


def test_a_full_refund_after_an_upsell_gives_all_back_and_ends_the_order() -> None:
    steps = (placed(total=14900), placed(total=19895), refunded(total=14900), fulfilled(total=19895))
    assert tell(*steps) == ["placed 14900", "placed 19895", "refunded 19895", "-"]


def test_a_chargeback_comes_on_top_of_what_was_refunded_and_never_exceeds_the_total() -> None:
    def chargeback(amount: int) -> dict[str, Any]:
        refund = {"basis": "step", "id": "chargeback", "amount_minor": amount, "chargeback": True}
        return refunded() | {"refund": refund}

    assert tell(placed(), refunded(1000), chargeback(3990), fulfilled())[1:] == [
        "refunded 1000",
        "refunded 3990",
        "-",
    ]
    assert tell(placed(), chargeback(9999))[1:] == ["refunded 4990"]
    assert tell(chargeback(9999) | {"total_minor": 0}) == ["-"]


def test_a_sale_with_a_higher_total_than_its_made_up_one_corrects_it() -> None:
    assert tell(fulfilled(total=80, ordered_at="2026-03-01T10:00:00Z"), placed(total=100)) == [
        "placed 80 + fulfilled",
        "placed 100",
    ]


def test_an_upsell_event_is_told_once_per_total() -> None:
    policy = Policy(since=SINCE, upsell="event")
    steps = (placed(total=100), placed(total=150), placed(total=150) | {"properties": {"a": "b"}})
    assert tell(*steps, policy=policy) == ["placed 100", "event order.upsold", "-"]


def test_an_upsell_told_as_an_event_takes_a_customer_that_its_postback_does_not_name_from_the_book() -> None:
    story = Story(Policy(since=SINCE, upsell="event"))
    nameless = thin("order.placed", currency="USD", total_minor=6990)
    postback = Postback("POST", "", {}, b"", START)
    _, upsell = (c for n, e in enumerate((placed(), nameless)) for c in story.tell(n, postback, load([e])))
    assert (upsell["body"]["event"], upsell["body"]["email"]) == ("order.upsold", "jo@example.com")


def test_a_refund_of_nothing_is_skipped() -> None:
    assert tell(placed(total=0), refunded(total=0)) == ["placed 0", "-"]


def test_a_sale_that_ended_during_its_hold_is_not_told() -> None:
    policy = Policy(since=SINCE, upsell="hold", upsell_hold=timedelta(seconds=0))
    assert tell(cancelled(), placed(), policy=policy) == ["cancelled", "-"]


def charged_back(amount: int | None = None) -> dict[str, Any]:
    full = {"basis": "full", "chargeback": True}
    part = {"basis": "step", "id": "chargeback", "amount_minor": amount, "chargeback": True}
    return refunded() | {"refund": full if amount is None else part}


@pytest.mark.parametrize("chargeback", ["event", "ignore"])
def test_a_chargeback_that_is_not_told_as_a_refund_adds_to_none(chargeback: Any) -> None:
    policy = Policy(since=SINCE, chargeback=chargeback)
    assert tell(placed(), charged_back(4000), refunded(1000), policy=policy)[-1] == "refunded 1000"


def test_a_chargeback_told_as_an_event_is_told_once_however_often_postbacks_show_it() -> None:
    policy = Policy(since=SINCE, chargeback="event")
    again = charged_back() | {"properties": {"a": "b"}}
    assert tell(placed(), charged_back(), again, policy=policy) == ["placed 4990", "event chargeback", "-"]


def test_a_thin_chargeback_told_as_an_event_takes_the_customer_from_the_book_and_names_its_order() -> None:
    story = Story(Policy(since=SINCE, chargeback="event"))
    postback = Postback("POST", "", {}, b"", START)
    list(story.tell(1, postback, load([placed()])))
    alone = thin("order.refunded", refund={"basis": "full", "chargeback": True})
    (call,) = story.tell(2, postback, load([alone]))
    assert call["body"]["email"] == placed()["customer"]["email"]
    assert call["body"]["properties"]["order"] == "A-1"


def test_a_thin_chargeback_of_an_unknown_order_waits_for_whom_to_tell() -> None:
    story = Story(Policy(since=SINCE, chargeback="event"))
    alone = thin("order.refunded", refund={"basis": "full", "chargeback": True})
    (told,) = story.tell(1, Postback("POST", "", {}, b"", START), load([alone]))
    assert told == {"skipped": "the order is not known yet: customer.email missing"}


def test_a_thin_shipment_tells_the_total_with_the_upsell_that_its_sale_overtook() -> None:
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    steps = (placed(total=150), placed(total=100), thin("order.fulfilled"))
    sent = [c for n, e in enumerate(steps) for c in story.tell(n, postback, load([e])) if "path" in c]
    assert [call["body"]["totalCents"] for call in sent] == [150, 150]


def test_amounts_in_two_currencies_are_never_compared_or_mixed() -> None:
    yen, dollars = placed(total=4980) | {"currency": "JPY"}, refunded(1000, total=3300)
    story = Story(Policy(since=SINCE))
    postback = Postback("POST", "", {}, b"", START)
    steps = (yen, dollars, thin("order.fulfilled"))
    sent = [c["body"] for n, e in enumerate(steps) for c in story.tell(n, postback, load([e])) if "path" in c]
    assert [(b["status"], b["totalCents"], b["currency"]) for b in sent] == [
        ("placed", 4980, "JPY"),
        ("refunded", 3300, "USD"),
        ("fulfilled", 3300, "USD"),
    ]
    assert tell(placed(total=3300), yen) == ["placed 3300", "-"], "it is no upsell"
