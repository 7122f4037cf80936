"""Ids sort by receipt, among all web processes of a host and whatever its clock does."""

from __future__ import annotations

from pathlib import Path

from relay.journal import ids
from relay.journal.ids import Ids

NOON = 1_800_000_000_000
SECOND = 1_000


def test_a_clock_set_back_takes_no_id_back(tmp_path: Path) -> None:
    one, two = Ids(tmp_path / "ids"), Ids(tmp_path / "ids")
    made = [one.new(NOON), two.new(NOON - 5 * SECOND), one.new(NOON - 4 * SECOND), two.new(NOON)]
    assert made == sorted(made)
    assert len(set(made)) == 4


def test_a_process_that_starts_later_goes_on_behind_those_before(tmp_path: Path) -> None:
    before = Ids(tmp_path / "ids").new()
    back = ids.moment_ms(before) - 60 * SECOND
    assert Ids(tmp_path / "ids").new(back) > before


def test_what_a_clock_left_that_was_days_ahead_is_forgotten(tmp_path: Path) -> None:
    wrong = Ids(tmp_path / "ids").new(4_000_000_000_000)
    right = Ids(tmp_path / "ids").new()
    assert right < wrong


def test_an_id_tells_when_it_was_received() -> None:
    assert ids.moment_ms(Ids().new(NOON)) == NOON
    assert ids.floor(NOON) <= Ids().new(NOON) < ids.floor(NOON + 1)


def test_where_nothing_can_be_shared_a_process_keeps_its_own_order(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    alone = Ids(tmp_path / "file" / "ids")
    assert alone.new(NOON) < alone.new(NOON - SECOND)
