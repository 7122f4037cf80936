"""Everything people may ask and do, in one hand: what the JSON API, the pages and the commands are given."""

from __future__ import annotations

from dataclasses import dataclass

from relay.journal.activity import Activity
from relay.journal.queries import Queries
from relay.ops.core import Operations
from relay.ops.finder import Finder
from relay.ops.overview import Overview
from relay.ops.replays import Replays


@dataclass(frozen=True, slots=True)
class Desk:
    """`finder` finds one, `queries` looks, `acts` does, `replays` do in bulk, `activity` says who did,
    `overview` counts.
    """

    finder: Finder
    queries: Queries
    acts: Operations
    replays: Replays
    activity: Activity
    overview: Overview
