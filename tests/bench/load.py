"""A load generator in a process of its own: keep-alive connections, one request under way on each."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop

from tests.bench import rig

CONSTANT = {
    "firstName": "Dana",
    "lastName": "Example",
    "phoneNumber": "2025550101",
    "city": "Springfield",
    "state": "IL",
    "country": "US",
    "postalCode": "62701",
    "orderTotal": "287.95",
    "totalPrice": "287.95",
    "basePrice": "282.00",
    "totalShipping": "5.95",
    "salesTax": "0.00",
    "totalDiscount": "0.00",
    "currencyCode": "USD",
    "campaignId": 7,
    "campaignName": "Glow Serum - US",
    "paySource": "CREDITCARD",
    "hasUpsells": 0,
    "product1_name": "Glow Serum 6 pack",
    "product1_crmId": "601",
    "product1_sku": "GLOW-6",
    "product1_qty": "6",
    "product1_price": "270.00",
    "product2_name": "Shaker",
    "product2_crmId": "602",
    "product2_qty": "1",
    "product2_price": "12.00",
    "custom1": "x" * 1200,
}


def body(number: int) -> bytes:
    """A CheckoutChamp sale of about 2 KB, an order and a customer of its own."""
    sale = {
        "customerType": "SALE",
        "orderId": number,
        "clientOrderId": f"{number:010X}",
        "orderStatus": "COMPLETE",
        "responseType": "SUCCESS",
        "dateCreated": "2026-03-04 09:30:08",
        "emailAddress": f"dana{number}@example.com",
        **CONSTANT,
    }
    return json.dumps(sale, separators=(",", ":")).encode()


@dataclass
class Result:
    """Times in milliseconds, by answer."""

    sent: int = 0
    refused: int = 0
    took: list[float] = field(default_factory=list)


async def connection(
    host: str, port: int, path: str, ends: float, first: int, step: int, out: Result
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    number = first
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: "
    while (started := time.perf_counter()) < ends:
        content = body(number)
        writer.write(f"{head}{len(content)}\r\n\r\n".encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        out.took.append((time.perf_counter() - started) * 1000)
        out.sent += 1
        out.refused += not answer.startswith(b"HTTP/1.1 200")
        number += step
    writer.close()


async def run(url: str, seconds: float, connections: int, first: int) -> Result:
    parts = urlsplit(url)
    out = Result()
    ends = time.perf_counter() + seconds
    await asyncio.gather(
        *(
            connection(str(parts.hostname), parts.port or 80, parts.path, ends, first + n, connections, out)
            for n in range(connections)
        )
    )
    return out


async def measured(url: str, seconds: float, first: int, *processes: int) -> dict[str, float]:
    """What a process of this load tells, and `cpu`: the seconds that a request cost `processes`."""
    words = ("tests.bench.load", url, "--seconds", str(seconds), "--first", str(first))
    before = sum(map(rig.cpu, processes))
    told: dict[str, float] = json.loads(await rig.output(*words))
    if told["refused"]:
        sys.exit(f"{told['refused']} postbacks were refused: nothing was measured")
    return told | {"cpu": (sum(map(rig.cpu, processes)) - before) / told["sent"]}


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("url")
    words.add_argument("--seconds", type=float, default=5)
    words.add_argument("--connections", type=int, default=64)
    words.add_argument("--first", type=int, default=1)
    said = words.parse_args()
    out = uvloop.run(run(said.url, said.seconds, said.connections, said.first))
    out.took.sort()
    sys.stdout.write(
        json.dumps(
            {
                "rate": out.sent / said.seconds,
                "sent": out.sent,
                "refused": out.refused,
                "p50": out.took[len(out.took) // 2],
                "p99": out.took[int(len(out.took) * 0.99)],
            }
        )
    )


if __name__ == "__main__":
    main()
