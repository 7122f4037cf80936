"""Signing in with an OpenID Connect provider: authorization code with PKCE, and a role by what it claims."""

from relay.ops.access.oidc.flow import Declined, Flow, Stale
from relay.ops.access.oidc.grants import Grants
from relay.ops.access.oidc.issuer import Issuer, ProviderAway, ProviderRefused
from relay.ops.access.oidc.provider import Provider, Shown

__all__ = [
    "Declined",
    "Flow",
    "Grants",
    "Issuer",
    "Provider",
    "ProviderAway",
    "ProviderRefused",
    "Shown",
    "Stale",
]
