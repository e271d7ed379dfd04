"""Asks a server as fast as it answers: URL BODY CLIENTS SECONDS. Says `requests_per_second p99_ms errors` as JSON.

`wrk` does it where it is installed. Else it is done here, on raw sockets: at most some ten thousand requests a second.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def asked(url: str, body: Path, clients: int, seconds: float) -> tuple[float, float, int]:
    """Requests per second, the 99th percentile of the latency in ms, and answers that were no 200."""
    return (_by_wrk if shutil.which("wrk") else _here)(url, body, clients, seconds)


def _by_wrk(url: str, body: Path, clients: int, seconds: float) -> tuple[float, float, int]:
    script = body.with_suffix(".lua")
    script.write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        f"wrk.body = [==[{body.read_text()}]==]\n"
    )
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds:.0f}s",
        "--timeout",
        "20s",
        "--latency",
        "-s",
        str(script),
        url,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, p99 = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+)(us|ms|s|m)", said)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    assert rate is not None
    assert p99 is not None
    return float(rate[1]), float(p99[1]) * _UNITS[p99[2]], int(bad[1]) if bad else 0


def _here(url: str, body: Path, clients: int, seconds: float) -> tuple[float, float, int]:
    return asyncio.run(_all(url, body.read_bytes(), clients, seconds))


async def _all(url: str, body: bytes, clients: int, seconds: float) -> tuple[float, float, int]:
    to = urlsplit(url)
    head = f"POST {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nContent-Type: application/json\r\n"
    message = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    took: list[float] = []
    bad: list[bytes] = []
    until = time.perf_counter() + seconds

    async def one() -> None:
        reader, writer = await asyncio.open_connection(to.hostname, to.port)
        while (begun := time.perf_counter()) < until:
            writer.write(message)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            took.append(time.perf_counter() - begun)
            if b" 200 " not in answer[:16]:
                bad.append(answer)
        writer.close()

    await asyncio.gather(*(one() for _ in range(clients)))
    ordered = sorted(took)
    return len(took) / seconds, 1000 * ordered[int(0.99 * (len(ordered) - 1))], len(bad)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asked(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
