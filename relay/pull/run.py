"""One pull from end to end: ask, compare, and record what never reached us."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from relay.compose.policy import Policy
from relay.journal.ids import Ids
from relay.journal.journal import Journal
from relay.normalise.pulling import Pull
from relay.pull.compare import Compared, State, compare
from relay.pull.fetch import Fetcher
from relay.receive.sources import Source


@dataclass(slots=True)
class Report:
    """How many of each state; how many relays were recorded, and left out for their age."""

    states: Counter[State] = field(default_factory=Counter)
    recorded: int = 0
    old: int = 0

    @property
    def missing(self) -> int:
        return self.states[State.MISSING]


@dataclass(frozen=True, slots=True)
class Pulling:
    """Where pulled things go. Without `send` nothing is recorded; without `stale` nothing old is."""

    journal: Journal
    source: Source
    policy: Policy
    send: bool = False
    stale: bool = False

    async def run(self, fetcher: Fetcher, pull: Pull, show: Callable[[Compared], None]) -> Report:
        """Each thing found is shown once it was dealt with. Raises PullError and JournalAway."""
        report = Report()
        ids = Ids()
        async for found in fetcher.run(pull):
            compared = await compare(self.journal, self.source, self.policy, found.body, datetime.now(UTC))
            report.states[compared.state] += 1
            if compared.state is State.MISSING:
                await self._record(compared, ids, report)
            show(compared)
        return report

    async def _record(self, compared: Compared, ids: Ids, report: Report) -> None:
        if compared.old and not self.stale:
            report.old += 1
        elif self.send:
            await self.journal.record(compared.recording(ids.new()))
            report.recorded += 1
