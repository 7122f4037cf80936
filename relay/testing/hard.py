"""The hard tests an adapter inherits, told by its fixtures alone.

    from relay.testing.hard import HardTests

    class TestAcme(HardTests):
        adapter = "acme"

A failure says what was seen and what to do about it. pytest is needed here and nowhere else in the relay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import pytest

from relay.errors import SettingsError
from relay.testing import checks, fuzz, money_and_time, spoilt, subjects
from relay.testing.fixtures import Fixture
from relay.testing.subjects import Subject
from relay.testing.trial import Breach

MUTATIONS: Final = 1_000
"""How many mutated fixtures where neither the class nor `--mutations` says."""


def _put(check: Callable[..., object], *given: object) -> None:
    __tracebackhide__ = True
    broken = None
    try:
        check(*given)
    except Breach as breach:
        broken = f"{breach.what}\n\n  {breach.advice}"
    if broken is not None:  # outside of the handler, so that the breach is told once
        pytest.fail(broken, pytrace=False)


class HardTests:
    """`adapter` is the entry point's name; `mutations` how many spoilt requests are tried."""

    adapter: ClassVar[str]
    mutations: ClassVar[int | None] = None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        subject = self._subject()
        if "subject" in metafunc.fixturenames:
            metafunc.parametrize("subject", [subject], ids=str)
        if "fixture" in metafunc.fixturenames:
            metafunc.parametrize("fixture", subject.fixtures, ids=[f.name for f in subject.fixtures])

    @classmethod
    def _subject(cls) -> Subject:
        try:
            return subjects.subject(cls.adapter)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from error

    def test_declares_itself_as_the_contract_says(self, subject: Subject) -> None:
        _put(checks.declares_itself, subject)

    def test_has_fixtures(self, subject: Subject) -> None:
        _put(checks.has_fixtures, subject)

    def test_an_empty_request_is_no_event(self, subject: Subject) -> None:
        _put(checks.reads_an_empty_request_as_nothing, subject)

    def test_becomes_what_stands_beside_it(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.becomes_what_stands_beside_it, subject, fixture)

    def test_is_named_for_what_it_becomes(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.is_named_for_what_it_becomes, subject, fixture)

    def test_reading_is_pure(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.reads_purely, subject, fixture)

    def test_a_copy_sends_nothing_again(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.sends_a_copy_once, subject, fixture)

    def test_rotating_tokens_changes_nothing(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.reads_alike_under_any_token, subject, fixture)

    def test_what_is_stored_is_read_alike(self, subject: Subject, fixture: Fixture) -> None:
        _put(checks.reads_what_is_stored_alike, subject, fixture)

    def test_a_cut_body_is_refused(self, subject: Subject, fixture: Fixture) -> None:
        _put(spoilt.refuses_a_cut_body, subject, fixture)

    def test_wrong_types_are_read_or_refused(self, subject: Subject, fixture: Fixture) -> None:
        _put(spoilt.reads_or_refuses_wrong_types, subject, fixture)

    def test_unknown_words_are_no_sale(self, subject: Subject, fixture: Fixture) -> None:
        _put(spoilt.refuses_unknown_words, subject, fixture)

    def test_money_is_exact_in_every_currency(self, subject: Subject, fixture: Fixture) -> None:
        _put(money_and_time.counts_money_by_currency, subject, fixture)

    def test_times_follow_the_zone(self, subject: Subject, fixture: Fixture) -> None:
        _put(money_and_time.tells_time_by_zone, subject, fixture)

    def test_mutated_requests_are_read_or_refused(
        self, subject: Subject, request: pytest.FixtureRequest
    ) -> None:
        count = self.mutations or request.config.getoption("--mutations", None) or MUTATIONS
        _put(lambda tested: fuzz.run(tested, count), subject)


def every_adapter(prefix: str = "Test_") -> dict[str, Any]:
    """A test class for each installed adapter, by the name of the class: for `globals().update(...)`."""
    return {
        f"{prefix}{name}": type(f"{prefix}{name}", (HardTests,), {"adapter": name})
        for name in subjects.names()
    }
