"""What faults are made of."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.faults.plant import Plant
from tests.faults.traffic import Shop


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults work upon."""

    plant: Plant
    shop: Shop
    chance: random.Random


Strike: TypeAlias = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`holds`: it has processes in its hands, so one waits for the other; the rest goes on beside it.

    `lasts`: seconds, of one too long for a mixture: it comes once, in a run of its own.
    """

    strike: Strike
    holds: bool = False
    kills: bool = False
    lasts: float = 0
