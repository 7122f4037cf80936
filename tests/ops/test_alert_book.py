"""Who is told what, and how often: the book of alerts by the clock alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from relay.ops.alerts.book import Book, Manners, State, due, dump, failed, load, observe, told
from relay.ops.alerts.incidents import Incident
from relay.ops.alerts.words import message

MINUTE = 60_000
HOUR = 60 * MINUTE
MANNERS = Manners()
DEAD = Incident(
    "dead:shop", "dead", {"source": "shop"}, 0, "shop: dead", "Mend it.", "shop: none", "", count=1
)
PAUSED = Incident(
    "paused:main:all", "paused", {"destination": "main"}, 0, "main: paused", "Wait.", "main: on", ""
)


class Teller:
    """Looks at what there is, and tells every channel that answers, as the watch does."""

    def __init__(self, *channels: str, manners: Manners = MANNERS) -> None:
        self.book = Book()
        self.channels = channels or ("hook",)
        self.manners = manners
        self.down: set[str] = set()

    def look(self, at_ms: int, *incidents: Incident) -> list[tuple[str, State]]:
        """What was told, by channel."""
        self.book = load(dump(observe(self.book, incidents, self.channels, at_ms, self.manners)))
        heard: list[tuple[str, State]] = []
        for channel in self.channels:
            notices = due(self.book, channel, at_ms, self.manners)
            if notices and channel in self.down:
                self.book = failed(self.book, channel, at_ms, self.manners)
            elif notices:
                self.book = told(self.book, channel, notices, at_ms)
                heard += [(channel, notice.state) for notice in notices]
        return heard


def test_an_incident_is_told_once_while_it_lasts_and_once_when_it_is_over() -> None:
    teller = Teller()
    assert teller.look(0, PAUSED) == [("hook", "raised")]
    assert [teller.look(at * MINUTE, PAUSED) for at in range(1, 10)] == [[]] * 9
    assert teller.look(10 * MINUTE) == []
    assert teller.look(11 * MINUTE) == [("hook", "over")]
    assert teller.look(12 * MINUTE) == []
    assert teller.book.entries == {}


def test_a_pause_that_ends_for_a_moment_is_the_same_pause() -> None:
    teller = Teller()
    teller.look(0, PAUSED)
    assert teller.look(MINUTE) == []
    assert teller.look(2 * MINUTE, PAUSED) == []


def test_more_dead_letters_are_told_at_most_once_an_hour() -> None:
    teller = Teller()
    heard = [
        state
        for minute in range(181)
        for _, state in teller.look(minute * MINUTE, replace(DEAD, count=1 + minute))
    ]
    assert heard == ["raised", "more", "more", "more"]


def test_a_new_dead_letter_is_told_though_others_were_retried_meanwhile() -> None:
    teller = Teller()
    teller.look(0, replace(DEAD, count=10))
    teller.look(MINUTE, replace(DEAD, count=2))
    assert teller.look(2 * HOUR, replace(DEAD, count=3)) == [("hook", "more")]


def test_reminders_end() -> None:
    teller = Teller()
    heard = [state for hour in range(24 * 30) for _, state in teller.look(hour * HOUR, PAUSED)]
    assert heard == ["raised", "reminder", "reminder", "reminder"]


def test_a_channel_that_is_down_is_tried_again_with_a_growing_pause_and_told_once() -> None:
    teller = Teller("hook", "mail")
    teller.down = {"hook"}
    assert teller.look(0, PAUSED) == [("mail", "raised")]
    tries = 0
    for second in range(0, 3600, 5):
        before = teller.book.channels["hook"].failures
        assert teller.look(second * 1000, PAUSED) == []
        tries += teller.book.channels["hook"].failures - before
    assert tries == 7  # after 15 s, 30 s, 1 min, 2 min, 4 min, 8 min, 16 min
    teller.down = set()
    assert teller.look(2 * HOUR, PAUSED) == [("hook", "raised")]


def test_what_began_and_ended_while_a_channel_was_down_is_told_in_one() -> None:
    teller = Teller()
    teller.down = {"hook"}
    teller.look(0, PAUSED)
    teller.look(5 * MINUTE)
    teller.down = set()
    assert teller.look(HOUR) == [("hook", "over")]
    assert teller.look(2 * HOUR) == []


def test_what_could_not_be_told_for_a_day_after_its_end_is_forgotten() -> None:
    teller = Teller()
    teller.down = {"hook"}
    teller.look(0, PAUSED)
    teller.look(HOUR)
    teller.look(26 * HOUR)
    assert teller.book.entries == {}


def test_who_was_told_that_it_is_over_hears_of_it_when_it_comes_back() -> None:
    teller = Teller("hook", "mail")
    teller.look(0, PAUSED)
    teller.down = {"mail"}
    assert teller.look(5 * MINUTE) == [("hook", "over")]
    assert teller.look(6 * MINUTE, PAUSED) == [("hook", "raised")]
    teller.down = set()
    assert teller.look(20 * MINUTE, PAUSED) == []


def test_a_new_channel_is_told_what_stands() -> None:
    teller = Teller()
    teller.look(0, PAUSED)
    teller.channels = ("hook", "mail")
    assert teller.look(MINUTE, PAUSED) == [("mail", "raised")]


def test_incidents_are_counted_by_kind_for_good() -> None:
    teller = Teller()
    for at in (0, HOUR, 2 * HOUR):
        teller.look(at, PAUSED, DEAD)
        teller.look(at + 10 * MINUTE)
        teller.look(at + 11 * MINUTE)
    assert teller.book.raised == {"paused": 3, "dead": 3}


@pytest.mark.parametrize("written", [b"", b"no json", b'{"entries": {"x": 1}}'])
def test_a_book_that_cannot_be_read_begins_anew(written: bytes) -> None:
    assert load(written) == Book()


def test_a_second_reminder_is_another_message_and_a_second_try_is_the_same() -> None:
    teller = Teller(manners=Manners(reminders=(timedelta(hours=1), timedelta(hours=2))))
    teller.look(0, PAUSED)
    said = []
    for hour in (1, 2):
        teller.book = observe(teller.book, [PAUSED], ["hook"], hour * HOUR, teller.manners)
        notices = due(teller.book, "hook", hour * HOUR, teller.manners)
        said += [message(notices, None).id for _ in ("first try", "second")]
        teller.book = told(teller.book, "hook", notices, hour * HOUR)
    assert said[0] == said[1] != said[2] == said[3]


def test_a_storm_is_one_message_with_an_end() -> None:
    teller = Teller()
    many = [replace(DEAD, key=f"dead:{n}", subject={"source": f"s{n}"}) for n in range(50)]
    teller.book = observe(teller.book, many, ["hook"], 0, MANNERS)
    storm = message(due(teller.book, "hook", 0, MANNERS), "https://relay.example/")
    assert len(storm.text.splitlines()) == 21
    assert storm.text.endswith("And 30 more.")
    assert len(storm.alerts) == 50
    assert storm.subject == "[relay] 50 alerts"
