"""Web addresses, as far as a destination takes them."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 2000
_WEB: Final = re.compile(r"(https?)(://[^\s/\x00-\x1f\x7f][^\s\x00-\x1f\x7f]*)", re.IGNORECASE)


def web(text: str | None) -> str | None:
    """`text` with its scheme in lower case if it is an http or https address, else None."""
    found = _WEB.fullmatch(text.strip()) if text and len(text) <= LONGEST else None
    return None if found is None else found[1].lower() + found[2]
