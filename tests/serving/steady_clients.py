"""Clients that keep asking, and what of their predictions is in the log."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter

from serving_support import Project


class Clients:
    """Clients that keep asking and write down what was acknowledged. Anything but 200 and 503 is in `failures`."""

    def __init__(self, port: int, count: int = 8) -> None:
        self.port = port
        self.acknowledged: list[str] = []
        self.refused = 0
        self.failures: list[object] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = json.dumps({"rows": [{"x": 1.0}, {"x": 2.0}]})
        while not self._stop.is_set():
            try:
                connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                break
            if response.status == 200:
                self.acknowledged += json.loads(text)["prediction_ids"]
            elif response.status == 503 and response.headers["Retry-After"]:
                self.refused += 1
                time.sleep(0.01)
            else:
                self.failures.append((response.status, text))
        connection.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def lost_and_doubled(project: Project, acknowledged: list[str]) -> tuple[set[str], list[str]]:
    logged = Counter(project.logged_ids())
    return set(acknowledged) - logged.keys(), [name for name, count in logged.items() if count > 1]
