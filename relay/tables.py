"""The tables of `relay.toml`: what may be said, and what holds where nothing is said."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from relay.addresses import is_private
from relay.normalise import money, times
from relay.normalise.contract import STANDARD_WEBHOOKS, Signing
from relay.receive.signatures import key_of

DEFAULT_URL: Final = "https://api.sequenzy.com/api/v1"
DEFAULT_SCHEDULE: Final = ("10s", "30s", "2m", "10m", "30m", "1h", "2h", "4h", "8h", "12h", "24h", "24h")
REFERENCES: Final = ("env:", "file:")
"""A string that begins so and is still there was not needed: looking into the journal asks for no secret."""
SECRET_LENGTH: Final = 32
_IN_A_HEADER: Final = r"[!-~]+"
_URL: Final = re.compile(r"https?://[^\s?#]+")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _duration(value: Any) -> Any:
    if isinstance(value, int | float):  # nobody knows whether 15 is seconds or minutes
        raise ValueError("expected a duration with its unit, such as 10s, 15m, 24h or 30d")  # noqa: TRY004
    found = times.duration(value) if isinstance(value, str) else value
    if found == timedelta(0):
        raise ValueError("expected a duration longer than 0")
    return found


def _wish(value: Any) -> Any:
    if value in ("habit", "never"):
        return value
    try:
        return _duration(value)
    except ValueError as error:
        raise ValueError("expected 'habit', 'never', or a duration such as 36h") from error


def _zone(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(f"{value!r} is not a time zone such as America/New_York") from error
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("a name is 1 to 63 lower-case letters, digits, - or _, and starts with no dash")
    return value


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError('found nothing; expected a secret, best as "env:NAME" or "file:PATH"')
    return value


def shaped(pattern: str, expected: str) -> AfterValidator:
    """Text of a pattern, which is told in words where it does not fit."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def _aware(value: Any) -> Any:
    moment = times.parse(value, ZoneInfo("UTC")) if isinstance(value, str) else value
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return datetime.combine(moment, time(), UTC)
    return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) and moment.tzinfo is None else moment


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = (parts.hostname or "").encode("idna")
        fits = host and parts.port != 0 and "@" not in parts.netloc and _URL.fullmatch(value)
    except ValueError:  # brackets, a port, or a name that is none
        fits = None
    if not fits:
        raise ValueError(f"expected a URL such as {DEFAULT_URL}")
    return value


def _fits_a_header(secret: SecretStr) -> SecretStr:
    said = secret.get_secret_value()
    if not said.startswith(REFERENCES) and not re.fullmatch(_IN_A_HEADER, said):
        raise ValueError(
            "found a space, a line break or a character that is not ASCII; expected the key alone"
        )
    return secret


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Name = Annotated[str, AfterValidator(_name)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
ApiKey = Annotated[Secret, AfterValidator(_fits_a_header)]
"""Anything else would fail each call before it leaves, as if each order were at fault."""
Header = Annotated[
    str, shaped(r"[A-Za-z0-9-]+", "the name of a header, such as X-Signature"), AfterValidator(str.lower)
]
Url = Annotated[str, AfterValidator(_url)]
"""Without a login: the key is sent where that would be."""
Upsell = Annotated[
    str, shaped(r"push_again|event|hold \d+(s|m|h)", "push_again, event, or hold and how long: hold 15m")
]


def _long(secret: SecretStr) -> SecretStr:
    said = secret.get_secret_value()
    if len(said) < SECRET_LENGTH and not said.startswith(REFERENCES):
        raise ValueError(
            f"expected {SECRET_LENGTH} characters or more, such as `openssl rand -hex 32` prints"
        )
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_long)]
"""From which keys are derived."""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Destination(Table):
    """One Commerce API key and what may be asked of it. A rate of 0 means unlimited."""

    api_key: ApiKey
    url: Url = DEFAULT_URL
    company_id: Annotated[str, shaped(r"[!-~]*", "an id without spaces, in ASCII")] | None = None
    rate_per_minute: Annotated[int, Field(ge=0)] = 100
    rate_per_second: Annotated[int, Field(ge=0)] = 20
    timeout: Duration = timedelta(seconds=15)
    lease: Duration = timedelta(seconds=30)
    retry_schedule: tuple[Duration, ...] = tuple(times.duration(step) for step in DEFAULT_SCHEDULE)
    concurrency: Annotated[int, Field(ge=1, le=500)] = 50

    @model_validator(mode="after")
    def _lease_outlasts_a_try(self) -> Self:
        if self.lease < self.timeout * 1.5:
            raise ValueError(
                f"lease is {self.lease.total_seconds():g}s and timeout {self.timeout.total_seconds():g}s; "
                "expected a lease of one and a half times timeout or more, else a slow try is sent twice"
            )
        return self


class Signature(Table):
    """How a source's sender signs. Without a `scheme` it is as the adapter's platform does.

    The fields between `secrets` and `tolerance` belong to the scheme "hmac".
    """

    scheme: Literal["standard-webhooks", "hmac"] | None = None
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1)]
    header: Header | None = None
    algorithm: Literal["sha1", "sha256", "sha384", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: Header | None = None
    id_header: Header | None = None
    signed: str | None = None
    tolerance: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _fits_its_scheme(self) -> Self:
        if self.scheme == "hmac":
            self._check_hmac()
        elif surplus := sorted(self.model_fields_set - {"scheme", "secrets", "tolerance"}):
            raise ValueError(f"{surplus[0]} belongs to scheme = 'hmac'")
        if self.scheme == "standard-webhooks":
            self._check_secrets()
        return self

    def _check_hmac(self) -> None:
        if self.header is None:
            raise ValueError("header is missing: the one that holds the signature")
        for part, header in (("timestamp", self.timestamp_header), ("id", self.id_header)):
            if (f"{{{part}}}" in self.what_is_signed) is not (header is not None):
                raise ValueError(
                    f"{{{part}}} in `signed` and {part}_header belong together: unsigned, it proves nothing"
                )
        if self.what_is_signed.count("{body}") != 1:
            raise ValueError("`signed` holds {body} once")

    def _check_secrets(self) -> None:
        for n, secret in enumerate(self.secrets):
            try:
                self.key(secret, STANDARD_WEBHOOKS)
            except ValueError as error:
                raise ValueError(f"secrets.{n}: {error}") from error

    @property
    def what_is_signed(self) -> str:
        parts = (("{id}", self.id_header), ("{timestamp}", self.timestamp_header), ("{body}", "always"))
        return self.signed or ".".join(part for part, header in parts if header)

    @property
    def signing(self) -> Signing | None:
        """None where the adapter says it."""
        if self.scheme == "standard-webhooks":
            return STANDARD_WEBHOOKS
        if self.header is None:
            return None
        return Signing(
            header=self.header,
            algorithm=self.algorithm,
            encoding=self.encoding,
            prefix=self.prefix,
            signed=self.what_is_signed,
            timestamp_header=self.timestamp_header or "",
            id_header=self.id_header or "",
        )

    def key(self, secret: SecretStr, signing: Signing) -> bytes:
        """Raises ValueError where the secret holds no key."""
        text = secret.get_secret_value()
        return text.encode() if text.startswith(REFERENCES) else key_of(text, signing)


class Source(Table):
    """One sender. What is not said here has the safe default of the README's table."""

    adapter: str
    destination: Name
    tokens: Annotated[tuple[Secret, ...], Field(min_length=1)]
    signature: Signature | None = None
    correctable: bool | None = None
    currency: Annotated[str, AfterValidator(money.currency_code)] | None = None
    timezone: Zone | None = None
    since: Annotated[datetime, BeforeValidator(_aware)] | None = None
    deliver: bool = True
    revive: bool = False
    upsell: Upsell = "push_again"
    refund_amount: Literal["step", "cumulative"] = "step"
    chargeback: Literal["refunded", "event", "ignore"] = "refunded"
    checkout_max_age: Duration = timedelta(hours=24)
    thin_wait: Duration = timedelta(minutes=15)
    copies_window: Duration | None = None
    quiet: Annotated[Literal["habit", "never"] | timedelta, BeforeValidator(_wish)] = "habit"
    options: dict[str, Any] = {}
    api: dict[str, Any] = {}


class Kept(Table):
    """How long. Bodies of what was delivered, ignored or discarded; dead letters; everything else."""

    settled: Duration = timedelta(days=30)
    dead: Duration = timedelta(days=180)
    records: Duration = timedelta(days=400)


class Smtp(Table):
    """Mail for alerts. `port` follows from `security` where it is not set; without `user` nobody logs in."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: Annotated[str, Field(alias="from")]
    to: Annotated[tuple[str, ...], Field(min_length=1)]


class Alerts(Table):
    """When something is wrong, whom to tell, and how often."""

    webhooks: tuple[SecretStr, ...] = ()
    smtp: Smtp | None = None
    every: Duration = timedelta(seconds=15)
    delay: Duration = timedelta(minutes=15)
    memory_percent: Annotated[int, Field(ge=1, le=100)] = 85
    again: Duration = timedelta(hours=1)
    reminders: tuple[Duration, ...] = (timedelta(hours=4), timedelta(hours=24), timedelta(hours=72))
    calm: Duration = timedelta(minutes=2)
    quiet_factor: Annotated[float, Field(ge=1)] = 2.0
    quiet_least: Duration = timedelta(hours=1)
    quiet_most: Duration = timedelta(days=7)


class EncryptionKey(Table):
    """`id` stands in clear beside what the key sealed."""

    id: Name
    secret: LongSecret


class Encryption(Table):
    """Bodies at rest. The first key seals, all open. Of what the `forgotten` ones sealed nothing is kept."""

    keys: tuple[EncryptionKey, ...] = ()
    forgotten: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_secret_each(self) -> Self:
        names = [key.id for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("two keys have one id")
        return self


def _secure(value: str) -> str:
    if not is_private(value):
        raise ValueError("expected the issuer's https:// URL, as its discovery document writes it")
    return value


def _domain(value: str) -> str:
    if "@" in value or "." not in value:
        raise ValueError(f"{value!r} is no domain such as example.com")
    return value.lower()


def _address(value: str) -> str:
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", value):
        raise ValueError(f"{value!r} is no e-mail address")
    return value.lower()


RoleName = Literal["viewer", "operator", "admin"]
Text = Annotated[str, Field(min_length=1)]


class Oidc(Table):
    """A provider that people sign in with at the pages. Who is given no role here has none."""

    issuer: Annotated[str, AfterValidator(_secure)]
    client_id: Text
    client_secret: Secret | None = None
    name: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    scopes: tuple[Text, ...] = ("openid", "profile", "email")
    roles_claim: Text = "groups"
    roles: dict[str, RoleName] = {}
    emails: dict[Annotated[str, AfterValidator(_address)], RoleName] = {}
    domains: dict[Annotated[str, AfterValidator(_domain)], RoleName] = {}
    name_claim: Text = "preferred_username"
    session: Duration = timedelta(hours=12)
    ca_file: Path | None = None

    @property
    def called(self) -> str:
        return self.name or urlsplit(self.issuer).hostname or self.issuer


class Ops(Table):
    oidc: Oidc | None = None


class Config(Table):
    destinations: Annotated[dict[Name, Destination], Field(min_length=1)]
    sources: Annotated[dict[Name, Source], Field(min_length=1)]
    retention: Kept = Kept()
    encryption: Encryption = Encryption()
    alerts: Alerts = Alerts()
    ops: Ops = Ops()

    @property
    def longest_end(self) -> timedelta:
        """How long a worker that is told to end may take: the last answer, and writing what came of it."""
        return max(d.timeout for d in self.destinations.values()) + timedelta(seconds=10)


def table_of(path: tuple[str | int, ...], model: type[BaseModel] | None = None) -> type[BaseModel]:
    """The table that should know the last key of `path`, which starts at `model`, else at the whole file.

    Names in between, of sources and such, lead nowhere.
    """
    found: type[BaseModel] = model or Config
    for step in path[:-1]:
        field = found.model_fields.get(str(step))
        found = (field and _table_in(field.annotation)) or found
    return found


def _table_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_table_in(part) for part in get_args(annotation))
    return next((table for table in inner if table is not None), None)
