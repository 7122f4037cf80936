"""A test from the pages: recorded as any postback is, and ended at once, so that it can reach nobody."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime

from relay.journal.ids import Ids
from relay.journal.records import Receipt
from relay.normalise.contract import Ignored, Postback
from relay.receive.intake import Recorder
from relay.receive.reading import Read, copy_digest, recording
from relay.receive.sources import Source

_IDS = Ids()


async def send_trial(recorder: Recorder, source: Source, by: str) -> Receipt:
    """No adapter reads it, so no word of it could be a sale. Raises SpoolFull where nothing can keep it."""
    body = json.dumps({"test": secrets.token_hex(4), "from": "the pages"}).encode()
    headers = {"content-type": "application/json", "user-agent": "relay"}
    postback = Postback("POST", "", headers, body, datetime.now(UTC))
    found = Read(
        source, Ignored(f"a test, sent from the pages by {by}"), postback, copy_digest(source, postback)
    )
    return await recorder.record(recording(found, _IDS.new()))
