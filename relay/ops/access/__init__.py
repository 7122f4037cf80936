"""Who may look and who may act: roles, sign-in, sessions, and the check that a form is ours."""

from relay.ops.access.access import Access, Closed, Visitor
from relay.ops.access.people import People, Role
from relay.ops.access.proxy import Proxy

__all__ = ["Access", "Closed", "People", "Proxy", "Role", "Visitor"]
