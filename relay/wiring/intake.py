"""The sources: adapters, signatures, rules, and who asks their platforms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from relay import advice, settings
from relay.compose.policy import Policy
from relay.errors import SettingsError
from relay.normalise import registry, times
from relay.normalise.contract import Adapter, Signing, SourceContext
from relay.normalise.pulling import Puller
from relay.receive.signatures import Signature
from relay.receive.sources import Source
from relay.settings import Config


def sources(config: Config, kinds: Mapping[str, registry.AdapterType] | None = None) -> list[Source]:
    """`kinds` are the adapters to choose from; those installed, if none are given.

    Raises SettingsError where an adapter is not among them or refuses its options.
    """
    kinds = registry.installed() if kinds is None else kinds
    for name in (name for name, source in config.sources.items() if source.api):
        _puller(config, name, kinds)
    return [
        Source(
            name=name,
            destination=source.destination,
            adapter=_adapter(name, source, kinds),
            tokens=tuple(token.get_secret_value() for token in source.tokens),
            window=source.copies_window,
            signature=signature(name, source, kinds),
            can_correct=_can_correct(source, kinds),
            topic_header=getattr(kinds[source.adapter].build, "topic_header", ""),
        )
        for name, source in config.sources.items()
    ]


def _adapter(name: str, source: settings.Source, kinds: Mapping[str, registry.AdapterType]) -> Adapter:
    kind = kinds.get(source.adapter)
    if kind is None:
        there = ", ".join(sorted(kinds)) or "none"
        raise SettingsError(f"sources.{name}.adapter is {source.adapter!r}; installed are {there}")
    try:
        return registry.build(kind, context(name, source, kind), source.options)
    except ValidationError as error:
        raise SettingsError(advice.say(error, ("sources", name, "options"), kind.options)) from error


def signature(
    name: str, source: settings.Source, kinds: Mapping[str, registry.AdapterType]
) -> Signature | None:
    """How requests to the source are signed; None where they need not be.

    Raises SettingsError where neither the source nor its adapter says it.
    """
    said = source.signature
    if said is None:
        return None
    signing: Signing | None = said.signing or getattr(kinds[source.adapter].build, "signing", None)
    if signing is None:
        raise SettingsError(
            f"sources.{name}.signature.scheme is missing; the adapter {source.adapter} knows no signature of "
            "its platform's own: expected 'standard-webhooks' or 'hmac'"
        )
    return Signature(signing, tuple(said.key(secret, signing) for secret in said.secrets), said.tolerance)


def _can_correct(source: settings.Source, kinds: Mapping[str, registry.AdapterType]) -> bool:
    if source.correctable is not None:
        return source.correctable
    of_adapter: bool | None = getattr(kinds[source.adapter].build, "can_correct", None)
    return source.signature is not None if of_adapter is None else of_adapter


def context(name: str, source: settings.Source, kind: registry.AdapterType) -> SourceContext:
    zone = source.timezone or ZoneInfo(getattr(kind.build, "timezone", "UTC"))
    return SourceContext(name, source.currency, zone)


def one_source(config: Config, name: str) -> Source:
    """Raises SettingsError where there is none of that name."""
    return sources(Config(destinations=config.destinations, sources={name: _said(config, name)}))[0]


def _said(config: Config, name: str) -> settings.Source:
    if name not in config.sources:
        raise SettingsError(f"there is no source {name!r}; configured are {', '.join(config.sources)}")
    return config.sources[name]


def puller(config: Config, name: str) -> tuple[Puller, SourceContext]:
    """Who asks the platform of a source. Raises SettingsError where it cannot be asked."""
    return _puller(config, name, registry.installed())


def _puller(
    config: Config, name: str, kinds: Mapping[str, registry.AdapterType]
) -> tuple[Puller, SourceContext]:
    source = _said(config, name)
    kind = kinds.get(source.adapter)
    build: type[Puller] | None = getattr(kind.build, "Puller", None) if kind else None
    if kind is None or build is None:
        raise SettingsError(f"sources.{name}: the adapter {source.adapter!r} cannot ask its platform")
    if not source.api:
        raise SettingsError(
            f"sources.{name}.api is missing; expected a table with the credentials of the platform's API: "
            f"{', '.join(build.Api.model_fields)}"
        )
    try:
        api = build.Api.model_validate(source.api)
    except ValidationError as error:
        raise SettingsError(advice.say(error, ("sources", name, "api"), build.Api)) from None
    said = context(name, source, kind)
    return build(said, api), said


def policy(source: settings.Source) -> Policy:
    word, _, span = source.upsell.partition(" ")
    return Policy(
        since=source.since,
        upsell=word,  # type: ignore[arg-type]  # one of the three, by the setting's pattern
        upsell_hold=times.duration(span) if span else timedelta(0),
        refund_amount=source.refund_amount,
        chargeback=source.chargeback,
        checkout_max_age=source.checkout_max_age,
        thin_wait=source.thin_wait,
        revive=source.revive,
        deliver=source.deliver,
    )
