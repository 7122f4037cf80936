"""What no platform sends and some server will: values of any kind, and how a reading of them is compared."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from relay.errors import PostbackError
from relay.normalise import events
from relay.normalise.contract import Adapter, Events, Postback

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-1e6, 1e6).map(lambda number: round(number, 2))
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "",
            " ",
            "\ud800",
            "x" * 3000,
            "[orderId]",
            "[dropped]",
            "[{",
            "{email}",
            "%7Bemail%7D",
            "{}",
            "9" * 400,
            "-1",
            "1e9",
            "0000-00-00",
            "0001-01-01",
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def outcome(reader: Adapter, postback: Postback) -> object:
    try:
        reading = reader.read(postback)
    except PostbackError as error:
        return type(error), error.field, error.reason
    if isinstance(reading, Events):
        assert reading.events
        json.dumps(events.dump(reading.events)).encode()
    return reading
