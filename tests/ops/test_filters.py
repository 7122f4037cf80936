"""The filter language."""

from __future__ import annotations

import pytest

from relay.journal.filter import Filter, Span
from relay.journal.ids import Ids
from relay.journal.records import Status
from relay.normalise import times
from relay.ops.filters import FilterError, from_words, parse, words_of, written


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("", Filter()),
        ("status:dead source:shop", Filter(status=Status.DEAD, source="shop")),
        ("STATUS:Dead", Filter(status=Status.DEAD)),
        ("event:order.refunded", Filter(event="order.refunded")),
        ("order:10023 destination:main issue:ab12", Filter(order="10023", destination="main", issue="ab12")),
        ('order:"A 1"', Filter(order="A 1")),
        ("attempts:3", Filter(attempts=Span(3, 3))),
        ("attempts:>3", Filter(attempts=Span(4, None))),
        ("attempts:>=3", Filter(attempts=Span(3, None))),
        ("attempts:<3", Filter(attempts=Span(0, 2))),
        ("attempts:<=3", Filter(attempts=Span(0, 3))),
        ("code:5xx", Filter(code=Span(500, 599))),
        ("code:422", Filter(code=Span(422, 422))),
        ("is required", Filter(text="is required")),
        ('"status:dead" here', Filter(text="status:dead here")),
        ("refused jo@example.com", Filter(text="refused", email="jo@example.com")),
        ("q:slow status:dead", Filter(text="slow", status=Status.DEAD)),
        ("since:2026-03-04", Filter(since_ms=1772582400000)),
        ("until:2026-03-04T09:30:00Z", Filter(until_ms=1772616600000)),
        ("since:1901-01-01", Filter(since_ms=0)),
    ],
)
def test_a_line_says_what_is_asked_for(line: str, asked: Filter) -> None:
    assert parse(line) == asked


def test_a_duration_is_how_long_ago() -> None:
    before = times.now_ms()
    asked = parse("since:24h").since_ms
    assert asked is not None
    assert before - 86_400_000 <= asked <= times.now_ms() - 86_400_000


def test_a_free_word_that_is_an_id_asks_for_that_relay() -> None:
    relay = Ids().new()
    assert parse(relay) == Filter(relay=relay)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("stauts:dead", "perhaps 'status' is meant"),
        ("colour:red", "known are status, source"),
        ("status:dad", "perhaps dead is meant"),
        ("event:order.refund", "perhaps order.refunded is meant"),
        ("attempts:many", "expected a number such as 3, >3"),
        ("code:9xx", "expected an HTTP status such as 422, or 5xx"),
        ("since:yesterday", "expected how long ago (24h, 7d) or a date"),
        ("since:999999999999999999d", "expected how long ago"),
        ("email:jo", "expected the whole of one"),
        ("jo@example.com kim@example.com", "one person at a time"),
        ("status:dead status:held", "status is said twice"),
        ("source:" + "x" * 400, "source is too long"),
    ],
)
def test_what_is_not_understood_is_refused_with_advice(line: str, advice: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse(line)
    assert advice in str(refused.value)


def test_words_make_a_line_and_a_line_makes_words() -> None:
    words = {"status": "dead", "order": "A 1", "q": "is required"}
    assert written(words) == 'status:dead order:"A 1" q:"is required"'
    assert words_of(written(words)) == words


def test_keys_without_a_value_ask_for_nothing() -> None:
    assert from_words({"status": "", "source": " "}) == Filter()


def test_a_filter_is_kept_and_read_back() -> None:
    asked = parse("status:dead code:5xx attempts:>3 since:2026-03-04 words")
    assert Filter.from_plain(asked.to_plain()) == asked
    assert "email" not in parse("jo@example.com").to_plain()
