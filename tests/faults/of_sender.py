"""What befalls the postbacks on their way."""

from __future__ import annotations

import asyncio

from tests.faults.scene import Scene


async def duplicates(scene: Scene) -> None:
    usual, scene.shop.duplicates = scene.shop.duplicates, 0.5
    await asyncio.sleep(2)
    scene.shop.duplicates = usual


async def nonsense(scene: Scene) -> None:
    """Bodies that nobody can read, or whose fields make no sense, among the rest."""
    usual, scene.shop.nonsense = scene.shop.nonsense, 0.5
    await asyncio.sleep(2)
    scene.shop.nonsense = usual


async def reorder(scene: Scene) -> None:
    usual, scene.shop.reordering = scene.shop.reordering, 0.5
    await asyncio.sleep(2)
    scene.shop.reordering = usual
