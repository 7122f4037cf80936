"""The words of each adapter as the page of sources tells them: nothing that becomes an event is left out."""

from __future__ import annotations

from typing import Any

import pytest

from relay.compose.policy import Policy
from relay.normalise import registry
from relay.normalise.contract import Adapter, SourceContext
from relay.ops.pages.becoming import becomes
from relay.testing import fixtures
from relay.testing.subjects import subject
from tests.support import NoOptions, Spoken


def adapter(name: str, **options: Any) -> Adapter:
    return fixtures.adapter(registry.installed()[name], {"options": options})


def kind_of(word: str, told: Adapter) -> list[str]:
    return [row.kind for row in becomes(told, Policy()) if word in row.said]


@pytest.mark.parametrize("name", sorted(registry.installed()))
def test_every_kind_that_a_fixture_becomes_is_told(name: str) -> None:
    kind = registry.installed()[name]
    for fixture in subject(name).fixtures:
        told = {row.kind for row in becomes(fixtures.adapter(kind, fixture.source), Policy())}
        came = {event["kind"] for step in fixture.steps for event in step.expected.get("events", ())}
        assert came <= told, fixture.name


@pytest.mark.parametrize(
    ("name", "word", "by_default", "options", "becomes_then"),
    [
        ("checkoutchamp", "qa_pending", "order.placed", {"pending": "wait"}, ""),
        ("checkoutchamp", "pause", "", {"customer_events": ["subscription_paused"]}, "customer.event"),
        ("stickyio", "hold", "", {"customer_events": ["subscription_held"]}, "customer.event"),
        ("stickyio", "product.deleted", "products.upserted", {"deleted_products": "ignore"}, ""),
        ("shopify", "orders/partially_fulfilled", "", {"partly_fulfilled": "event"}, "customer.event"),
        ("woocommerce", "pending", "", {"checkouts": True}, "checkout.started"),
        ("woocommerce", "on-hold", "", {"on_hold": "placed"}, "order.placed"),
    ],
)
def test_an_option_changes_what_a_word_becomes(
    name: str, word: str, by_default: str, options: dict[str, Any], becomes_then: str
) -> None:
    assert by_default in kind_of(word, adapter(name))
    assert becomes_then in kind_of(word, adapter(name, **options))
    assert kind_of(word, adapter(name)) != kind_of(word, adapter(name, **options))


def test_words_that_the_options_teach_are_told_in_the_merchants_spelling() -> None:
    assert kind_of("Versand raus", adapter("stickyio", words={"Versand raus": "shipped"})) == [
        "order.fulfilled"
    ]
    taught = {"statuses": {"an-bord": "completed", "lost": "ignore"}}
    assert "order.fulfilled" in kind_of("an-bord", adapter("woocommerce", **taught))
    assert kind_of("lost", adapter("woocommerce", **taught)) == [""]
    table = {"orderId": "id", "totalCents": "total", "currency": "currency", "customer": {"email": "mail"}}
    mapping = {"event": "what", "words": {"bezahlt": "order.placed", "offen": "ignore"}, "order": table}
    mapped = adapter("generic", mapping=mapping)
    assert (kind_of("bezahlt", mapped), kind_of("offen", mapped)) == (["order.placed"], [""])
    assert kind_of("checkout", mapped) == []


def test_the_rules_of_the_source_are_told_and_an_adapter_that_says_nothing_reads_every_kind() -> None:
    silent = Spoken(SourceContext("shop"), NoOptions())
    told = {row.kind: row.means for row in becomes(silent, Policy(upsell="hold", refund_amount="cumulative"))}
    assert told["order.placed"] == "A sale, after 15 min, with the total that it has then"
    assert told["order.refunded"].startswith("Money back, as the sum so far")
    assert len(told) == 8
