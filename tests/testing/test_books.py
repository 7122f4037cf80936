"""The order books in memory lead by names as the journal's do."""

from __future__ import annotations

from relay.testing.story import Books


def test_one_order_is_found_by_each_of_its_names() -> None:
    books = Books()
    first = books.opened(["id:1", "hex:A"], "r1")
    assert books.opened(["hex:A"], "r2") is first
    assert books.opened(["id:1"], "r3") is first


def test_two_books_that_turn_out_to_be_one_orders_are_united_and_what_was_sent_stays() -> None:
    books = Books()
    by_id, by_hex = books.opened(["id:1"], "r1"), books.opened(["hex:A"], "r2")
    by_hex.sent["placed@1"], by_hex.order_id = "digest", "A"
    united = books.opened(["id:1", "hex:A"], "r3")
    assert united is by_hex
    assert books.of("id:1") is united
    assert by_id.sent == {}


def test_a_name_two_orders_go_by_leads_to_neither() -> None:
    books = Books()
    first = books.opened(["id:1", "number:7"], "r1")
    second = books.opened(["id:2", "number:7"], "r2")
    third = books.opened(["number:7"], "r3")
    assert len({id(one) for one in (first, second, third)}) == 3
    assert books.opened(["id:1", "number:7"], "r4") is first
