"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from typing import Any


async def end(task: asyncio.Task[Any]) -> None:
    """Cancels `task` until it is done: a cancel that meets an answer of Redis can be swallowed on its way."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)
