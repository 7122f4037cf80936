"""What the JSON API may be asked: the models that requests are read with, and `openapi.json` describes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from relay.journal.records import Status
from relay.normalise.events import KINDS, Kind
from relay.ops.core import Stage

MOST: int = 500
_EVENTS = ", ".join(KINDS)


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FilterWords(Asked):
    """Which relays; every word given must fit."""

    status: Annotated[Status | None, Field(description="one of the seven statuses")] = None
    source: str | None = None
    event: Annotated[Kind | None, Field(description=f"a kind of event: {_EVENTS}")] = None
    order: Annotated[str | None, Field(description="any name of the order")] = None
    email: Annotated[str | None, Field(description="the customer's address, the whole of it")] = None
    since: Annotated[str | None, Field(description="how long ago (24h, 7d) or a date; included")] = None
    until: Annotated[str | None, Field(description="how long ago or a date; not included")] = None
    q: Annotated[str | None, Field(description="words in id, order or reason")] = None
    attempts: Annotated[str | int | None, Field(description="3, >3, >=3, <3 or <=3")] = None
    code: Annotated[str | int | None, Field(description="the last answer's HTTP status: 422, 5xx")] = None
    issue: str | None = None
    destination: str | None = None

    def words(self) -> dict[str, str]:
        said = self.model_dump(mode="json", exclude_none=True, include=set(FilterWords.model_fields))
        return {word: str(value) for word, value in said.items()}


class Limited(Asked):
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class Paged(Limited):
    cursor: Annotated[str | None, Field(max_length=200, description="`next` of the page before")] = None


class RelaysAsked(FilterWords, Paged):
    pass


class RetryOrder(Asked):
    """`deliver` composes anew; `normalise` maps the stored postback again, and drops an edit once `drop_edit`
    or `force` is said. `force`: although it was delivered. `stale`: although it is older than 72 h.
    """

    stage: Stage | None = None
    force: bool = False
    stale: bool = False
    drop_edit: bool = False


class EditOrder(Asked):
    """The event that replaces the one at `index`, whole."""

    index: Annotated[int, Field(ge=0, le=10_000)]
    event: dict[str, Any]
    force: bool = False
    stale: bool = False


class TrialOrder(Asked):
    stale: bool = False


class PauseOrder(Asked):
    endpoint: Literal["all", "orders", "checkouts", "products", "stock", "events"] = "all"
    reason: Annotated[str, Field(max_length=300)] = ""


class ResumeOrder(Asked):
    endpoint: Literal["all", "orders", "checkouts", "products", "stock", "events"] = "all"


class ReplayOrder(Asked):
    """Only dead letters are acted on, unless the filter names another status. `stage` is by default where
    each died. `stale`: although they are older than 72 h.
    """

    filter: FilterWords
    dry_run: bool = False
    act: Literal["retry", "discard"] = "retry"
    stage: Stage | None = None
    stale: bool = False
