"""What all pages share: templates, headers, the note after an act."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from relay.ops.access import Access, Role, Visitor
from relay.ops.pages import saying
from relay.ops.pages.forms import Form

_HERE: Final = Path(__file__).parent.parent
_STATIC: Final = _HERE / "static"
_NOTE: Final = "relay_note"
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",  # none at all would make browsers hide a form's origin from us
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody known. `form` is what they posted."""

    request: Request
    visitor: Visitor
    form: Form = field(default_factory=Form)

    @property
    def by(self) -> str:
        return self.visitor.name

    def asked(self, name: str, default: str = "") -> str:
        """A word of the query."""
        return str(self.request.query_params.get(name, default))

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])


class Shell:
    def __init__(self, access: Access) -> None:
        self._access = access
        self._static = {file.name: _stamped(file) for file in _STATIC.iterdir() if file.is_file()}
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(saying.FILTERS)
        self._templates.globals.update(static=self._static)

    def static(self, name: str) -> Response:
        if name not in self._static:
            return Response(status_code=404)
        # The address changes with the content, so it may be kept for good.
        headers = {"cache-control": "max-age=31536000, immutable", "x-content-type-options": "nosniff"}
        return FileResponse(_STATIC / name, headers=headers)

    def page(self, visit: Visit, template: str, status: int = 200, /, **values: Any) -> Response:
        access, visitor = self._access, visit.visitor
        live = "x-live" in visit.request.headers
        note = None if live else access.signer.read_note(visit.request.cookies.get(_NOTE, ""))
        response = self._render(
            template,
            status,
            visitor=visitor,
            token=access.form_token(visitor),
            may_act=visitor.may(Role.OPERATOR),
            note=note,
            **values,
        )
        if note is not None:
            response.delete_cookie(_NOTE, path="/ops", httponly=True, samesite="lax")
        return response

    def bare(self, template: str, status: int, /, **values: Any) -> Response:
        """For somebody who is not known."""
        return self._render(template, status, visitor=None, note=None, may_act=False, **values)

    def back(
        self,
        visit: Visit,
        to: str,
        note: str,
        *,
        tone: str = "good",
        undo: Mapping[str, str] | None = None,
    ) -> Response:
        """After an act: to the page that shows what came of it. `undo` is a form that takes it back."""
        response = RedirectResponse(to, 303)
        signed = self._access.signer.note({"text": note[:1000], "tone": tone, "undo": undo})
        secure = self._access.secure(visit.request)
        response.set_cookie(
            _NOTE, signed, max_age=60, path="/ops", secure=secure, httponly=True, samesite="lax"
        )
        return response

    def _render(self, template: str, status: int, **values: Any) -> Response:
        html = self._templates.get_template(template).render(**values)
        return HTMLResponse(html, status, HEADERS)


def _stamped(file: Path) -> str:
    digest = hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()
    return f"/ops/static/{file.name}?{digest}"
