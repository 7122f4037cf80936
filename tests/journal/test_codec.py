"""How bodies lie in Redis."""

from __future__ import annotations

from base64 import b64decode

import pytest

from relay.journal import codec

WITH_THE_DICTIONARY = "KLUv/SA9nQAASEEtMVwifSJ9fQIAToUCX4gZCA=="
BEFORE_IT = "KLUv/SAe8QAAeyJwb3N0YmFjayI6eyJtZXRob2QiOiJQT1NUIn19"


@pytest.mark.parametrize(
    ("written", "postback"),
    [
        (WITH_THE_DICTIONARY, {"method": "POST", "body": '{"orderId":"A-1"}'}),
        (BEFORE_IT, {"method": "POST"}),
    ],
)
def test_what_any_version_wrote_is_read(written: str, postback: dict[str, str]) -> None:
    assert codec.unpack(b64decode(written)) == {"postback": postback}
