"""What is dropped before anything is stored, however its name is written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from relay.normalise.contract import Postback
from relay.normalise.scrub import scrub

NAMES = frozenset({"cvv", "cardcvv"})


@pytest.mark.parametrize(
    "body",
    [
        '{"cvv": "9173"}',
        '\ufeff{"cvv": "9173"}',
        '\ufeff\ufeff{"cvv": "9173"}',
        '{"card\\/cvv": "9173"}',
        '{"card": "{\\"cvv\\": \\"9173\\"}"}',
        "cvv=9173",
        "\ufeffcvv=9173",
    ],
)
def test_a_name_to_drop_is_found(body: str) -> None:
    postback = Postback("POST", "", {}, body.encode(), datetime(2026, 3, 1, tzinfo=UTC))
    assert b"9173" not in scrub(postback, NAMES).body
