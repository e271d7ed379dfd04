"""What an endpoint refuses, whichever server answers: XJ1 to XJ5 and XJ7."""

from __future__ import annotations

import json
import socket
import time

from serving_support import LATE


def rows(*given):
    return json.dumps({"rows": list(given)})


BODIES = [
    ("not JSON", "{", 400),
    ("NaN", '{"rows": [{"temp": NaN}]}', 422),
    ("Infinity", '{"rows": [{"temp": Infinity}]}', 422),
    ("-Infinity", '{"rows": [{"temp": -Infinity}]}', 422),
    ("400 digits", '{"rows": [{"temp": %s}]}' % ("9" * 400), 422),
    ("1e999", '{"rows": [{"temp": 1e999}]}', 422),
    ("5,000 digits", '{"rows": [{"temp": %s}]}' % ("9" * 5000), 422),
    ("deep", "[" * 100_000, 400),
    ("the same key twice", '{"rows": [{"temp": 1, "temp": 2}]}', 400),
    ("UTF-16", rows(LATE).encode("utf-16"), 400),
    ("lone surrogate", rows(LATE).replace("UA", "\\ud800"), 400),
    ("a byte order mark", b"\xef\xbb\xbf" + rows(LATE).encode(), 400),
    ("not UTF-8", rows(LATE).encode().replace(b"UA", b"\xff\xfe"), 400),
    ("garbage behind it", rows(LATE) + "x", 400),
    ("nothing", "", 400),
    ("two documents", rows(LATE) * 2, 400),
    ("a list", "[]", 422),
    ("no rows", "{}", 422),
    ("0 rows", rows(), 422),
    ("101 rows", rows(*[LATE] * 101), 422),
    ("a key too many", '{"rows": [], "also": 1}', 422),
    ("missing column", rows(LATE, {"temp": 1}), 422),
    ("unknown column", rows(LATE | {"x": 1}), 422),
    ("true for a number", rows(LATE | {"temp": True}), 422),
    ('"1" for a number', rows(LATE | {"temp": "1"}), 422),
    ("null for a number", rows(LATE | {"temp": None}), 422),
    ("a list for a number", rows(LATE | {"temp": [1]}), 422),
    ("an object for a text", rows(LATE | {"carrier": {}}), 422),
    ("beyond 64 bits", rows(LATE | {"hour": 2**63}), 422),
    ("beyond 64 bits by one, below", rows(LATE | {"hour": -(2**63) - 1}), 422),
    ("a half for an integer", rows(LATE | {"hour": 0.5}), 422),
    ("U+0000 in a text", rows(LATE | {"carrier": "U\0A"}), 422),
    ("a row that is none", rows(LATE, [1]), 422),
    ("rows of columns", json.dumps({"rows": {"temp": [1]}}), 422),
    ("a time too late", json.dumps({"rows": [LATE], "time": "9999-12-31T23:59:59+00:00"}), 422),
    ("bad time", json.dumps({"rows": [LATE], "time": "9999-99-99"}), 422),
    ("times for other rows", json.dumps({"rows": [LATE], "time": []}), 422),
    ("15,000 columns", json.dumps({"rows": [{str(n): 1 for n in range(15_000)}]}), 422),
]

HEADERS = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/vnd.bentoml+pickle"},
    {"Content-Type": "multipart/form-data; boundary=" + "x" * 1000},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": ""},
    {"Content-Encoding": "gzip"},
]

PATHS = [
    ("GET", "/predict", 405),
    ("HEAD", "/predict", 405),
    ("TRACE", "/predict", 405),
    ("PUT", "/outcomes", 405),
    ("POST", "/predict/", 404),
    ("POST", "//predict", 404),
    ("POST", "/PREDICT", 404),
    ("POST", "/%70redict", 404),
    ("POST", "/health/../predict", 404),
    ("CONNECT", "/predict", 405),
    ("DELETE", "/predict", 405),
    ("POST", "/predict;/x", 404),
    ("POST", "/predict%2f", 404),
    ("GET", "/docs", 404),
    ("POST", "/health/ready", 405),
]

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

DISGUISED = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "100 KB": b"X-Long: " + b"x" * 100_000 + b"\r\nContent-Length: 2\r\n\r\n{}",
}


def raw(port, *parts, pause=0.0):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = connection.recv(65536)
    return int(answer.split(b" ", 2)[1]), answer
