"""A browser, and people who may sign in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from relay.ops.access import Role
from relay.ops.access.people import line
from tests.ops.browsing import PASSWORD
from tests.support import House


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Keeps cookies and follows redirects, as a browser does; says where its forms come from."""
    async with httpx.AsyncClient(follow_redirects=True, timeout=10) as client:
        yield client


@pytest.fixture(scope="session")
def lines() -> str:
    """Hashing is slow on purpose."""
    return "# of the tests\n" + "\n".join(line(role, role, PASSWORD) for role in Role) + "\n"


@pytest.fixture
def users(tmp_path: Path, lines: str) -> Path:
    file = tmp_path / "users"
    file.write_text(lines)
    return file
