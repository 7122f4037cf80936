"""What may be said of alerts in relay.toml, and what is said back where it is wrong."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from relay import settings, wiring
from relay.errors import SettingsError
from relay.ops.alerts.channels import Mail
from relay.ops.alerts.watch import Plan

SMTP = {"host": "mail.example", "from": "relay@shop.example", "to": ["ops@shop.example"]}


def planned(alerts: dict[str, Any], **source: Any) -> Plan:
    shop = {"adapter": "spoken", "destination": "main", "tokens": ["t"], **source}
    raw = {"destinations": {"main": {"api_key": "k"}}, "sources": {"shop": shop}, "alerts": alerts}
    return wiring.alerts(settings.environment({}), settings.parse(raw, {}))


def test_nothing_needs_to_be_said() -> None:
    plan = planned({})
    assert plan.channels == []
    assert plan.wishes == {"shop": "habit"}


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_port_of_mail_follows_from_its_security(security: str, port: int) -> None:
    (mail,) = planned({"smtp": SMTP | {"security": security}}).channels
    assert isinstance(mail, Mail)
    assert mail.port == port


def test_two_webhooks_of_one_host_are_told_apart_without_their_secrets() -> None:
    names = [
        c.name for c in planned({"webhooks": ["https://h.example/one", "https://h.example/two"]}).channels
    ]
    assert len(set(names)) == 2
    assert not any("one" in name or "two" in name for name in names)


def test_a_source_may_have_its_own_limit_of_silence() -> None:
    assert planned({}, quiet="36h").wishes == {"shop": timedelta(hours=36)}


@pytest.mark.parametrize(
    ("alerts", "source", "says"),
    [
        ({}, {"quiet": "often"}, "sources.shop.quiet is 'often'"),
        ({"webhook": "x"}, {}, "alerts.webhook is not a setting; did you mean 'webhooks'?"),
        ({"smtp": {"host": "x"}}, {}, "alerts.smtp.from is missing"),
        ({"smtp": SMTP | {"prt": 1}}, {}, "alerts.smtp.prt is not a setting; did you mean 'port'?"),
        ({"reminders": ["soon"]}, {}, "alerts.reminders.0 is 'soon'"),
    ],
)
def test_a_wrong_setting_is_named(alerts: dict[str, Any], source: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(says)):
        planned(alerts, **source)


@pytest.mark.parametrize("url", ["hooks.example/a-secret", "https:///a-secret", "https://[a-secret/"])
def test_a_webhook_that_is_no_url_is_named_by_its_place(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        planned({"webhooks": [url]})
    assert "alerts.webhooks.0 is no URL" in str(raised.value)
    assert "a-secret" not in str(raised.value)
