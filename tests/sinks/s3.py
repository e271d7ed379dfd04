"""An S3 server on this machine: moto in a process of its own, which checks signatures and permissions."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from door import Door

REGION = "eu-central-1"


class S3:
    """A server with one bucket, and one key that may do what it likes there; `door` is where it is reached."""

    bucket = "team-artifacts"

    def __init__(self, server: int) -> None:
        self.door = Door(server)
        self._server = f"http://127.0.0.1:{server}"
        made = self._client("s3", "root", "root")
        made.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        iam = self._client("iam", "root", "root")
        iam.create_user(UserName="mvops")
        policy = json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
        )
        iam.put_user_policy(UserName="mvops", PolicyName="s3", PolicyDocument=policy)
        key = iam.create_access_key(UserName="mvops")["AccessKey"]
        self.key, self.secret = str(key["AccessKeyId"]), str(key["SecretAccessKey"])
        # From the first request after this one, every request has to be signed, and allowed.
        auth = urllib.request.Request(
            f"{self._server}/moto-api/reset-auth", b"0", {"content-type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(auth, timeout=10).close()

    @property
    def environment(self) -> dict[str, str]:
        """What an operator sets; the URL of the store says nothing of it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.door.port}",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Everything in the bucket below `prefix`, asked of the server itself."""
        client = self._client("s3", self.key, self.secret)
        found = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        keys = [item["Key"] for page in found for item in page.get("Contents", ())]
        return {key: client.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}

    def put(self, key: str, data: bytes) -> None:
        self._client("s3", self.key, self.secret).put_object(Bucket=self.bucket, Key=key, Body=data)

    def _client(self, service: str, key: str, secret: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self._server,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )


@contextmanager
def s3_server() -> Iterator[S3]:
    """The server, started and stopped; skips where moto is not installed."""
    for library in ("moto.server", "s3fs", "boto3"):
        pytest.importorskip(library, reason=f"needs {library}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://127.0.0.1:{port}/moto-api/", process)
        server = S3(port)
        yield server
        server.door.shut()
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            assert process.poll() is None, "moto ended"
            assert time.monotonic() < deadline, "moto does not answer"
            time.sleep(0.1)
        else:
            return
