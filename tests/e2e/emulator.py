"""AWS in a process on this machine: ministack, patched by the like_*.py beside this, in an environment of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import boto3

from tests.support.evaluator import ORGANIZATION
from tests.support.events import FRIEND, HOME, REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-e2e" / "bin" / "python"
PATIENCE = 240.0
"""Seconds until something must have come about; it is far more than it takes, as machines may be slow."""


class Broken(Exception):
    """Something did not come about, or came out wrong."""


def until(what: str, found: Callable[[], Any], patience: float = 0) -> Any:
    """What `found` answers, as soon as that is something."""
    patience = patience or PATIENCE
    end = time.monotonic() + patience
    while not (answer := found()):
        if time.monotonic() > end:
            raise Broken(f"{what}: not within {patience:.0f} seconds")
        time.sleep(0.2)
    return answer


def entry_of(envelope: Envelope) -> Any:
    """An event as PutEvents takes it, as of now."""
    detail = dict(envelope["detail"])
    if "eventTime" in detail:
        detail["eventTime"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "Source": envelope["source"],
        "DetailType": envelope["detail-type"],
        "Resources": envelope["resources"],
        "Detail": json.dumps(detail, default=str),
    }


class Emulator:
    """Its account is HOME's, and it lets its own root do everything; `iam` is whether it asks policies for all others."""

    def __init__(self, folder: Path, *, iam: bool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.iam = iam
        self.url = f"http://127.0.0.1:{port}"
        self.log, self.notes, self._found = (folder / name for name in ("emulator.log", "notes.jsonl", "found.json"))
        self.notes.touch()
        self.scanners_found()
        temporary = folder / "tmp"
        temporary.mkdir()
        nothing = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SNAPBACK_"))}
        proxies = [name for name in plain if name.lower() in ("http_proxy", "https_proxy", "all_proxy")]
        self._plain = {name: value for name, value in plain.items() if name not in proxies} | nothing
        self._own = {
            "AUTH": str(iam).lower(),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": HOME,
            "TMPDIR": str(temporary),
            "E2E_NOTES": str(self.notes),
            "E2E_FOUND": str(self._found),
            "E2E_ORGANIZATION": ORGANIZATION,
            "E2E_ACCOUNTS": f"{HOME} {FRIEND}",
        }
        self._clients: dict[str, Any] = {}
        self._forgiven: list[Any] = []

    def environment(self, account: str = HOME) -> dict[str, str]:
        """What this machine's programs find their AWS by, as the account's root."""
        return {
            **self._plain,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self) -> Self:
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [str(PYTHON), "-m", "tests.e2e.server"],
                cwd=ROOT, env={**self._plain, **self._own}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until("the emulator's start", self._is_up)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # Its functions' processes are of its group.
        self._process.wait()

    def _is_up(self) -> bool:
        if self._process.poll() is not None:
            raise Broken(f"the emulator ended: {self.log.read_text()[-2000:]}")
        try:
            with build_opener(ProxyHandler({})).open(f"{self.url}/_ministack/health", timeout=5):
                return True
        except (URLError, OSError):
            return False

    def client(self, service: str, account: str = HOME) -> Any:
        """An account's root's."""
        key = f"{service} {account}"
        if key not in self._clients:
            session = boto3.Session(account, "test", region_name=REGION)
            self._clients[key] = session.client(service, endpoint_url=self.url)  # type: ignore[call-overload]
        return self._clients[key]

    def session(self) -> Any:
        """As boto3's, as far as it makes clients."""
        return SimpleNamespace(client=self.client)

    def put(self, envelope: Envelope, account: str = HOME) -> float:
        """An event of AWS's on an account's default bus, as of now; answers when that was, in seconds since 1970."""
        at = time.time()
        answer = self.client("events", account).put_events(Entries=[entry_of(envelope)])
        if answer["FailedEntryCount"]:
            raise Broken(f"the bus refuses {envelope['detail-type']}: {answer['Entries']}")
        return at

    def scanners_found(self, *inspector: Any, **ecr: Any) -> None:
        """What AWS's scanners have found from now on: Inspector's findings, and ECR's by an image's digest, without `sha256:`."""
        by_digest = {f"sha256:{digest}": found for digest, found in ecr.items()}
        self._found.write_text(json.dumps({"inspector": inspector, "ecr": by_digest}))

    def noted(self, kind: str) -> list[dict[str, str]]:
        """What IAM's decisions left to say: `denied`, or `unevaluated` conditions."""
        lines = [json.loads(line) for line in self.notes.read_text().splitlines()]
        return [each for each in lines if kind in each]

    def logged(self, level: str) -> list[dict[str, Any]]:
        """The lines of this level that functions logged."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith('{"level":')]
        return [parsed for line in lines if (parsed := json.loads(line))["level"] == level]

    def wrong(self) -> list[Any]:
        """What must not be, and is new: what was denied to Snapback, conditions that went unevaluated, errors of functions."""
        found = [*self.noted("unevaluated"), *self.noted("denied"), *self.logged("ERROR")]
        return [each for each in found if each not in self._forgiven]

    def forgive(self, message: str = "") -> None:
        """What is wrong until now was meant to be: all of it, or what functions logged with this message."""
        self._forgiven += [each for each in self.wrong() if not message or each.get("message") == message]


class Account:
    """The emulator as the cases of guardrails' tests want it: a person's own way in."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def client(self, service: str) -> Any:
        made = self._emulator.client(service)
        if service == "s3":
            made.meta.events.register("after-call.s3.CreateBucket", self._open, unique_id="open")
            made.meta.events.register("provide-client-params.s3.CreateBucket", self._named, unique_id="named")
        return made

    def _named(self, params: Any, **_: Any) -> None:
        self._bucket = params["Bucket"]

    def _open(self, **_: Any) -> None:
        """What a person has to do before a bucket can be open: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html"""
        self._emulator.client("s3").delete_public_access_block(Bucket=self._bucket)
