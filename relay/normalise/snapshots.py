"""Webhooks that show an order as it is now, whatever was changed about it: which of that is to be told.

Shops edit, import and tidy up old orders by the thousand, and each sends one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from relay.normalise import times

RECENT: Final = timedelta(hours=72)
"""What happened longer before its webhook was told then, or would mail people about old orders."""

OLDEST: Final = timedelta(days=90)
"""What changes an order older than this is not told."""


def _age(value: Any) -> Any:
    return times.duration(value) if isinstance(value, str) else value


Age = Annotated[timedelta, BeforeValidator(_age), Field(gt=timedelta(0))]
"""A setting such as "90d"."""


def is_recent(moment: datetime | None, received_at: datetime, within: timedelta = RECENT) -> bool:
    """Whether `moment` lies no longer before the receipt; so does one that nothing says."""
    return moment is None or received_at - moment <= within
