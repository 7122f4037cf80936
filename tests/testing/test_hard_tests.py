"""Each hard test can fail: on an adapter that breaks one rule, with what was seen and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay.testing import checks, fuzz, money_and_time, spoilt
from relay.testing.subjects import Subject
from relay.testing.trial import Breach
from tests.testing import bad_adapters as bad

ALONE: list[Callable[[Subject], object]] = [
    checks.declares_itself,
    checks.has_fixtures,
    checks.reads_an_empty_request_as_nothing,
]
BY_FIXTURE: list[Callable[..., object]] = [
    checks.becomes_what_stands_beside_it,
    checks.reads_purely,
    checks.sends_a_copy_once,
    checks.reads_alike_under_any_token,
    checks.reads_what_is_stored_alike,
    spoilt.refuses_a_cut_body,
    spoilt.reads_or_refuses_wrong_types,
    spoilt.refuses_unknown_words,
    money_and_time.counts_money_by_currency,
    money_and_time.tells_time_by_zone,
]


def put(check: Callable[..., object], subject: Subject) -> None:
    if check in BY_FIXTURE:
        for fixture in subject.fixtures:
            check(subject, fixture)
    else:
        check(subject)


def mutate(subject: Subject) -> None:
    fuzz.run(subject, 400)


@pytest.mark.parametrize("check", [*ALONE, *BY_FIXTURE, mutate])
def test_a_good_adapter_passes(check: Callable[..., object]) -> None:
    put(check, bad.subject())


@pytest.mark.parametrize(
    ("check", "adapter", "seen", "advice"),
    [
        (checks.declares_itself, bad.HasAnotherName, "name = 'someone'", "Give both the same name"),
        (checks.declares_itself, bad.TakesAnyOption, "in silence", 'extra="forbid"'),
        (checks.declares_itself, bad.DropsByAnotherSpelling, "'card_number'", "'cardnumber'"),
        (checks.reads_an_empty_request_as_nothing, bad.SellsToAPing, "becomes an event", 'Ignored("ping")'),
        (checks.reads_an_empty_request_as_nothing, bad.ReturnsNothing, "NoneType", "Return Events"),
        (checks.reads_an_empty_request_as_nothing, bad.IgnoresWithoutAReason, "without a reason", "Say why"),
        (checks.becomes_what_stands_beside_it, bad.ForgetsTheDate, "the file says", "mend the mapping"),
        (checks.reads_purely, bad.ReadsTheClock, "datetime.now in", "no clock"),
        (checks.reads_purely, bad.ReadsTheClockForNothing, "datetime.now in", "postback.received_at"),
        (checks.reads_purely, bad.ThrowsDice, "Random.", "no chance"),
        (checks.reads_purely, bad.OpensAFile, "io.open in", "no file"),
        (checks.reads_purely, bad.Remembers, "the second time", "Keep nothing"),
        (checks.reads_purely, bad.KeepsTheLastSource, "after another source's", "the class"),
        (checks.reads_purely, bad.TakesTheMachinesTime, "on a machine in", "times.parse"),
        (checks.sends_a_copy_once, bad.MakesUpItsIds, "sends POST /orders again", "not of the raw bytes"),
        (checks.reads_alike_under_any_token, bad.TakesTheToken, "holds the token", "`authorization`"),
        (checks.reads_what_is_stored_alike, bad.DecidesByACard, "never stored", "`dropped`"),
        (spoilt.refuses_a_cut_body, bad.ReadsHalfAnOrder, "cut after", "fields.read()"),
        (spoilt.reads_or_refuses_wrong_types, bad.RaisesKeyError, "bad_adapters.py:", "Raise Unmappable"),
        (spoilt.reads_or_refuses_wrong_types, bad.SkipsTheModels, "cannot be kept", "model_construct"),
        (spoilt.reads_or_refuses_wrong_types, bad.SendsWhatIsReserved, "would refuse POST /orders", "ltv"),
        (spoilt.refuses_unknown_words, bad.GuessesASale, "becomes order.placed", "Unsupported"),
        (spoilt.refuses_unknown_words, bad.GuessesASaleFromItsTotal, "becomes order.placed", "Unsupported"),
        (money_and_time.counts_money_by_currency, bad.CountsInFloats, "has the total", "a float loses cents"),
        (money_and_time.counts_money_by_currency, bad.CountsInHundredths, "in JPY", "0 decimals"),
        (money_and_time.counts_money_by_currency, bad.TakesAnyCurrencyForItsOwn, "QQQ", "raise Unmappable"),
        (money_and_time.tells_time_by_zone, bad.ForgetsTheZone, "without an offset", "source.timezone"),
        (money_and_time.tells_time_by_zone, bad.CutsTheOffset, "with another offset", "the whole text"),
        (money_and_time.tells_time_by_zone, bad.MovesWhatHasAnOffset, "for a source in", "with an offset"),
        (mutate, bad.RaisesKeyError, "KeyError", "The request (seed 0, case"),
        (mutate, bad.SkipsTheModels, "cannot be kept", "through their models"),
    ],
)
def test_a_bad_adapter_fails_with_advice(
    check: Callable[..., object], adapter: Any, seen: str, advice: str
) -> None:
    with pytest.raises(Breach) as caught:
        put(check, bad.subject(adapter))
    assert seen in caught.value.what
    assert advice in caught.value.advice


def test_a_fuzz_of_nobody_names_those_that_are_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fuzz", "10", "--adapter", "nosuch"])
    with pytest.raises(SystemExit):
        fuzz.main()
    assert "there is no adapter 'nosuch'; installed are" in capsys.readouterr().err
