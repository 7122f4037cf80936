"""A stand-in for the Commerce API: real HTTP, a strict contract, and faults on demand.

    async with Standin.serve() as standin:
        standin.faults.status(503, times=2)
        ...                                         # point a destination at standin.url
        await standin.wait_for(3)
        assert standin.orders["A-1"].statuses == {"placed": [4990]}
        assert standin.violations == []

As a process: `python -m relay.testing.standin --port 8081`.
"""

from relay.testing.standin.api import BASE
from relay.testing.standin.faults import Fault, Faults
from relay.testing.standin.limits import Limits
from relay.testing.standin.orders import Order, Violation
from relay.testing.standin.records import Record
from relay.testing.standin.standin import Standin

__all__ = ["BASE", "Fault", "Faults", "Limits", "Order", "Record", "Standin", "Violation"]
