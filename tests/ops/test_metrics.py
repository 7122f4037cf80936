"""What Prometheus is shown."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from relay import settings
from tests.support import KEY, House, eventually, placed

LABELS = {"source", "destination", "endpoint", "status", "outcome", "code", "kind", "channel", "window", "le"}

Samples = dict[str, list[tuple[Mapping[str, str], float]]]


async def scraped(house: House) -> Samples:
    """What is shown, by name."""
    found: Samples = {}
    for family in text_string_to_metric_families((await house.http.get("/metrics")).text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(shown: Samples, name: str, **labels: str) -> float:
    (found,) = (number for said, number in shown[name] if labels.items() <= said.items())
    return found


async def test_a_relay_is_counted_from_its_postback_to_its_call(house: House) -> None:
    await house.start()
    house.standin.faults.status(500, times=1)
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    await house.rest()
    shown = await scraped(house)
    assert value(shown, "relay_received_total", source="shop") == 1
    assert value(shown, "relay_relays", status="delivered") == 1
    assert value(shown, "relay_attempts_total", destination="main", outcome="failed", code="5xx") == 1
    assert value(shown, "relay_attempts_total", destination="main", outcome="accepted", code="2xx") == 1
    for name in ("relay_delivery_seconds", "relay_answer_seconds"):
        assert value(shown, f"{name}_count", destination="main") == 1
        assert value(shown, f"{name}_bucket", destination="main", le="+Inf") == 1
    assert value(shown, "relay_failing_seconds", destination="main") == 0
    assert value(shown, "relay_intake_seconds_count") == 1
    assert 0 < value(shown, "relay_intake_seconds_sum") < 10


async def test_two_workers_counts_are_added_up(house: House) -> None:
    await house.serve()
    for turn in range(2):
        await house.work()
        answer = await house.post(placed(f"A-{turn}", email=f"{turn}@example.com"))
        await house.until(answer.id, "delivered")
        await house.rest()
    shown = await scraped(house)
    assert value(shown, "relay_attempts_total", outcome="accepted") == 2


async def test_a_pause_is_shown_with_what_it_holds(house: House) -> None:
    house.raw["alerts"] = {"every": "50ms"}
    await house.start()
    house.standin.keys = set()
    answer = await house.post(placed())
    await house.until(answer.id, "held")

    async def alerted() -> bool:
        return value(await scraped(house), "relay_alerts", kind="paused") == 1

    await eventually(alerted)
    shown = await scraped(house)
    assert value(shown, "relay_workers") == 1
    assert value(shown, "relay_paused", destination="main", endpoint="all") == 1
    assert value(shown, "relay_paused", destination="main", endpoint="orders") == 0
    assert value(shown, "relay_relays", status="held") == 1
    assert value(shown, "relay_waiting", destination="main", endpoint="orders") == 1
    assert value(shown, "relay_alerts_raised_total", kind="paused") == 1


async def test_the_budget_and_how_late_a_destination_is_are_shown(house: House) -> None:
    house.raw["destinations"]["main"] |= {"rate_per_minute": 100, "rate_per_second": 20}
    await house.start()
    answer = await house.post(placed())
    await house.until(answer.id, "delivered")
    await house.rest()
    await house.post(placed("A-2", email="kim@example.com"))

    async def late() -> bool:
        return value(await scraped(house), "relay_overdue_seconds", destination="main") > 0

    await eventually(late)
    shown = await scraped(house)
    assert value(shown, "relay_budget_used", destination="main", window="minute") == 1
    assert value(shown, "relay_budget_limit", destination="main", window="minute") == 100
    assert value(shown, "relay_drain_running", destination="main") == 0


async def test_labels_are_few_and_hold_nobody_s_data(house: House) -> None:
    await house.start()
    answer = await house.post(placed(email="jo@example.com"))
    await house.until(answer.id, "delivered")
    await house.rest()
    text = (await house.http.get("/metrics")).text
    for secret in ("jo@example.com", "A-1", answer.id, KEY):
        assert secret not in text
    assert {
        name for said in (await scraped(house)).values() for labels, _ in said for name in labels
    } <= LABELS


async def test_without_redis_the_journal_s_figures_are_left_out_and_never_zero(house: House) -> None:
    said = {"RELAY_REDIS_URL": "redis://127.0.0.1:1/0", "RELAY_DATA_DIR": str(house.env.data_dir)}
    house.env = settings.environment(said)
    await house.serve()
    await house.post(placed())
    shown = await scraped(house)
    assert value(shown, "relay_journal_up") == 0
    assert value(shown, "relay_spooled") == 1
    assert not [name for name in shown if name.startswith(("relay_relays", "relay_received", "relay_paused"))]
