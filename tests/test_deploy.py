"""The files under deploy/ fit the relay they are for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from relay import settings
from relay.cli import cli
from relay.ops.alerts import channels
from tests.ops.receivers import Hook
from tests.ops.test_metrics import Samples, scraped
from tests.support import House, placed

DEPLOY = Path(__file__).parents[1] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
SYSTEMD = DEPLOY / "systemd"

DEADLINE = 2 * settings.Destination(api_key="k").timeout + channels.TIMEOUT
"""What a worker may take to end: of what it has claimed, half may wait for the other half's answers."""

REDIS = {"--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"}


# Prometheus and Grafana -------------------------------------------------------------------------------------


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    return list(json.loads((DEPLOY / "grafana" / "relay.json").read_text())["panels"])


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield f"rule {rule['alert']}", rule["expr"]
    for panel in panels():
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(expression.replace("$__rate_interval", "1m")), note)
    return found


async def busy(house: House, hook: Hook) -> Samples:
    """What a relay shows that has been through something."""
    house.raw["alerts"] = {"webhooks": [hook.url], "every": "50ms"}
    await house.start()
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    await house.post(error="unmappable", field="emailAddress")
    await hook.until("raised", "dead")
    await house.rest()
    return await scraped(house)


async def test_every_rule_and_panel_asks_for_what_a_running_relay_shows(hook: Hook, house: House) -> None:
    shown = await busy(house, hook)
    asked = [(where, selector) for where, expr in expressions() for selector in selectors(expr)]
    assert len(asked) > 40
    for where, selector in asked:
        assert selector.name in shown, where
        labels = set().union(*(said for said, _ in shown[selector.name])) | {"instance"}
        assert {matcher.name for matcher in selector.matchers.matchers} <= labels, where


async def test_every_figure_is_on_the_board_or_in_a_rule(hook: Hook, house: House) -> None:
    shown = {re.sub(r"_(count|sum|created)$", "_bucket", name) for name in await busy(house, hook)}
    asked = {selector.name for _, expr in expressions() for selector in selectors(expr)}
    by_other_labels = {"relay_source_relays"}
    assert {name for name in shown if name.startswith("relay_")} - asked - by_other_labels == set()


def test_every_rule_says_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in panels()}) == len(panels())


# Kubernetes, compose and systemd ----------------------------------------------------------------------------


def manifests() -> list[dict[str, Any]]:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    return [doc for name in listed for doc in yaml.safe_load_all((KUBERNETES / name).read_text())]


def pod(name: str) -> dict[str, Any]:
    (spec,) = (
        doc["spec"]["template"]["spec"]
        for doc in manifests()
        if doc["kind"] in ("Deployment", "StatefulSet") and doc["metadata"]["name"] == name
    )
    return dict(spec)


def composed() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


def unit(name: str) -> dict[str, str]:
    lines = (SYSTEMD / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def variables() -> set[str]:
    return {f"RELAY_{name.upper()}" for name in settings.Environment.model_fields}


def test_every_manifest_is_listed() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    there = {file.name for file in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there


def test_the_web_pods_are_asked_whether_they_live_and_are_ready() -> None:
    (web,) = pod("relay-web")["containers"]
    (port,) = web["ports"]
    assert web["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert web["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert port["containerPort"] == 8080


def test_the_spool_outlives_a_web_pod() -> None:
    (web,) = pod("relay-web")["containers"]
    (data,) = (mount["name"] for mount in web["volumeMounts"] if mount["mountPath"] == "/data")
    (kept,) = (
        doc for doc in manifests() if doc["metadata"]["name"] == "relay-web" and doc["kind"] == "StatefulSet"
    )
    assert data in [claim["metadata"]["name"] for claim in kept["spec"]["volumeClaimTemplates"]]


@pytest.mark.parametrize(
    "grace",
    [
        pytest.param(lambda: pod("relay-worker")["terminationGracePeriodSeconds"], id="kubernetes"),
        pytest.param(lambda: unit("relay-worker@.service")["TimeoutStopSec"], id="systemd"),
        pytest.param(lambda: composed()["worker"]["stop_grace_period"].rstrip("s"), id="compose"),
    ],
)
def test_a_worker_is_given_the_time_to_finish_what_it_sends(grace: Any) -> None:
    assert timedelta(seconds=int(grace())) > DEADLINE


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(lambda: pod("relay-redis")["containers"][0]["args"], id="kubernetes"),
        pytest.param(lambda: composed()["redis"]["command"], id="compose"),
    ],
)
def test_redis_keeps_what_was_acknowledged(words: Any) -> None:
    said = " ".join(words())
    assert {setting for setting in REDIS if setting in said} == REDIS


def test_every_process_is_started_by_a_command_that_there_is() -> None:
    known = {command.name for command in cli.registered_commands} | {
        command.callback.__name__ for command in cli.registered_commands if command.callback
    }
    started = {
        pod("relay-web")["containers"][0]["args"][0],
        pod("relay-worker")["containers"][0]["args"][0],
        composed()["web"]["command"][0],
        composed()["worker"]["command"][0],
        unit("relay-web.service")["ExecStart"].split()[1],
        unit("relay-worker@.service")["ExecStart"].split()[1],
    }
    assert started == {"serve", "work"}
    assert started <= known


def test_every_variable_is_one_that_is_read() -> None:
    files = [file for file in DEPLOY.rglob("*") if file.is_file() and file.suffix != ".png"]
    named = {name for file in files for name in re.findall(r"\bRELAY_[A-Z_]+\b", file.read_text())}
    assert named >= {"RELAY_REDIS_URL", "RELAY_SECRET_KEY"}
    assert named <= variables()


def test_the_example_is_a_configuration() -> None:
    text = (DEPLOY / "relay.example.toml").read_text()
    said = dict.fromkeys(re.findall(r"env:([A-Z_]+)", text), "a-secret")
    assert settings.load(DEPLOY / "relay.example.toml", said).sources


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    relay = Path(sys.executable).with_name("relay")
    for name in ("relay-web.service", "relay-worker@1.service"):
        text = (SYSTEMD / name.replace("@1", "@")).read_text().replace("/opt/relay/bin/relay", str(relay))
        (tmp_path / name).write_text(text)
        verify = ["systemd-analyze", "verify", str(tmp_path / name)]
        said = subprocess.run(verify, check=False, capture_output=True, text=True)
        assert (said.returncode, said.stderr) == (0, "")
