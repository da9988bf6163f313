"""An AWS in this process's memory (moto): any number of accounts, and no way out to the real one.

What moto lacks and a replay needs is answered here: CloudTrail's event history, and the findings of image scans.
"""

from __future__ import annotations

import json
import os
import re
import weakref
from contextlib import ExitStack, suppress
from functools import cache
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

import boto3
import botocore.handlers
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.loaders import Loader

from chalicelib.core.errors import EventRejected
from chalicelib.core.event import Event, text
from snapback.errors import OutOfMemory
from snapback.memory_aws import clock, gaps, quick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from types import TracebackType

    from botocore.awsrequest import AWSPreparedRequest

REGION = "us-east-1"
HOME_KEY, ACTOR_KEY = "AKIAREPLAYHOMEEXAMPLE", "AKIAREPLAYACTOREXAMPLE"
"""Not keys of anyone: by them the hook below tells Snapback's calls from those that are re-enacted."""

_NEW = "2026-01-01T00:00:00+00:00"
_KEY = re.compile(r"Credential=([^/]+)/")
_OPENS_NOTHING = "in-memory"
_SAFE = {
    "AWS_ACCESS_KEY_ID": HOME_KEY,
    "AWS_SECRET_ACCESS_KEY": _OPENS_NOTHING,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_ALLOW_NONEXISTENT_REGION": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "POWERTOOLS_DEV": "false",
}
_CONFIG = Config(retries={"total_max_attempts": 1}, user_agent_extra="snapback-replay")


class _History:
    """Events, on disk when they are many: as objects, a hundred thousand would take a gigabyte."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(max_size=8 << 20)  # noqa: SIM115 - closed with this object
        weakref.finalize(self, self._file.close)
        self._places: list[tuple[float, int, int]] = []

    def add(self, moment: float, envelope: dict[str, Any]) -> None:
        place = self._file.seek(0, os.SEEK_END)
        self._places.append((moment, place, self._file.write(json.dumps(envelope).encode())))

    def between(self, start: float, end: float) -> Iterator[Event]:
        """The latest that was added first."""
        for moment, place, size in reversed(self._places):
            if start <= moment <= end:
                self._file.seek(place)
                yield Event.parse(json.loads(self._file.read(size)))


class MemoryAws:
    """While it is entered, every botocore session made in this process talks to memory only.

    `home` is the account that Snapback runs in; other accounts are there as soon as they are called. `now` answers the
    time in memory, or None for the machine's.
    """

    def __init__(self, home: str, now: Callable[[], datetime | None] = lambda: None) -> None:
        self.home = home
        self._now = now
        self.moment: datetime | None = None
        """The time in memory, instead of what `now` answers."""
        self.acting = home
        """The account in which `actor` clients act."""
        self.scans: dict[tuple[str, str, str], dict[str, Any]] = {}
        """What DescribeImageScanFindings answers, by region, repository, and digest or tag."""
        self.history = _History()
        """What LookupEvents answers from: the calls that write, replayed so far."""
        self.presupposed: set[tuple[str, str, str]] = set()
        """What a call presupposed and the log has not created: account, service and name."""
        self._clients: dict[tuple[str, str], Any] = {}
        self._environment: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        from moto import backend_index, mock_aws
        from moto.core.models import botocore_stubber

        unset = [name for name in os.environ if name.startswith(("AWS_", "MOTO_")) and name not in _SAFE]
        for name in (*_SAFE, *unset):
            self._environment[name] = os.environ.pop(name, None)
        os.environ.update(_SAFE)
        # S3's patterns come first; otherwise moto takes a bucket named `logs` for the service `logs`.
        self._patterns = backend_index.backend_url_patterns
        backend_index.backend_url_patterns = sorted(self._patterns, key=lambda pattern: pattern[0] != "s3")
        self._moto = mock_aws(
            config={
                "core": {"mock_credentials": False, "reset_boto3_session": True},
                "batch": {"use_docker": False},
                "lambda": {"use_docker": False},
            }
        )
        self._stub = botocore_stubber
        _replace_hook(self._stub, self._before_send)
        self._moto.start()
        self._patches = ExitStack()
        self._patches.enter_context(gaps.closed())
        self._patches.enter_context(clock.following(lambda: self.moment or self._now()))
        # One loader for all sessions, so that each service's model is read once (EC2's takes 100 ms).
        self._patches.enter_context(patch("botocore.session.create_loader", lambda _: loader()))
        # moto has models of its own and makes a loader for each, which lists botocore's folder (30 ms).
        self._patches.enter_context(patch("moto.core.utils.create_loader", _motos_loader))
        self._patches.enter_context(quick.calls())
        self._actor = boto3.Session(aws_access_key_id=ACTOR_KEY, aws_secret_access_key=_OPENS_NOTHING)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        from moto import backend_index

        self._patches.close()
        self._moto.stop()
        _replace_hook(self._before_send, self._stub)
        backend_index.backend_url_patterns = self._patterns
        self._clients.clear()
        for name, value in self._environment.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    @staticmethod
    def seed(word: str) -> None:
        """Ids that moto makes are parts of records' ids: so the same log has the same records, whoever else draws ids."""
        from moto.moto_api._internal import mock_random

        mock_random.seed(word)

    def actor(self, service: str, account: str, region: str) -> Any:
        """A client that acts in an account until the next call of `actor`. Raises what boto3 does for unknown names."""
        self.acting = account
        if (service, region) not in self._clients:
            self._clients[service, region] = self._actor.client(service, region_name=region, config=_CONFIG)  # type: ignore[call-overload]
        return self._clients[service, region]

    def managed_policy(self, arn: str, account: str, partition: str, document: Any = None) -> bool:
        """Put one of AWS's own policies in an account: all 1,500 of them would cost 60 ms an account.

        `document` is for a policy that moto doesn't know.
        """
        from moto.iam.aws_managed_policies import aws_managed_policies_data
        from moto.iam.models import AWSManagedPolicy, iam_backends

        backend = iam_backends[account][partition]
        if arn in backend.managed_policies:
            return False
        if not self._aws_policies:
            self._aws_policies.update(json.loads(aws_managed_policies_data))
        path, name = re.fullmatch(r"[^/]*policy(/(?:.*/)?)([^/]*)", arn).groups()  # type: ignore[union-attr]
        new = {"Path": path, "DefaultVersionId": "v1", "Document": document, "CreateDate": _NEW, "UpdateDate": _NEW}
        known = self._aws_policies.get(name) or (new if document else None)
        if known is None:
            return False
        policy = AWSManagedPolicy.from_data(name, account, backend.region_name, known)
        backend.managed_policies[policy.arn] = policy
        backend.aws_managed_policies.append(policy)
        return policy.arn == arn

    _aws_policies: dict[str, Any] = {}

    def _before_send(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> Any:
        """Say in which account a call is made, as moto wants it; answer what moto can't. Raises OutOfMemory."""
        key = _KEY.search(_header(request, "Authorization"))
        account = {HOME_KEY: self.home, ACTOR_KEY: self.acting}.get(key[1] if key else "")
        if account:
            request.headers["x-moto-account-id"] = account
        target = _header(request, "X-Amz-Target")
        if target.endswith("CloudTrail_20131101.LookupEvents"):
            return _json(request, {"Events": list(self._looked_up(_body(request)))})
        if target.endswith("_V20150921.DescribeImageScanFindings"):
            asked, region = _body(request), _region(request)
            for name in (text(asked, "imageId", "imageDigest"), text(asked, "imageId", "imageTag")):
                if found := self.scans.get((region, asked["repositoryName"], name or "")):
                    return _json(request, found)
        answer = self._stub(event_name, request)
        if answer is None:
            url = request.url.partition("?")[0]
            raise OutOfMemory(f"{request.method} {url} is answered by nothing in memory, so it was not sent")
        return answer

    def _looked_up(self, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html, the latest first."""
        wanted = [(each["AttributeKey"], each["AttributeValue"]) for each in asked.get("LookupAttributes", [])]
        for event in self.history.between(asked.get("StartTime", 0), asked.get("EndTime", 1e12)):
            body = json.dumps(event.detail)
            if all(_has(event, body, key, value) for key, value in wanted):
                yield {
                    "EventId": event.id,
                    "EventName": event.name,
                    "EventSource": event.source,
                    "EventTime": event.time.timestamp(),
                    "ReadOnly": "true" if event.detail.get("readOnly") is True else "false",
                    "Username": event.actor.session or event.actor.name,
                    "CloudTrailEvent": body,
                }

    def remember(self, envelope: dict[str, Any]) -> None:
        """Into the event history with it, if it is a call that writes."""
        with suppress(EventRejected):
            event = Event.parse(envelope)
            if text(event.detail, "eventSource") and event.detail.get("readOnly") is not True:
                self.history.add(event.time.timestamp(), envelope)


def _has(event: Event, body: str, key: str, value: str) -> bool:
    """CloudTrail lists an event's resources apart; here a resource is whatever the request or answer names."""
    if key == "ResourceName":
        name = json.dumps(value)[1:-1]
        return f'"{name}"' in body or f'/{name}"' in body or f':{name}"' in body
    told = {"EventName": event.name, "EventId": event.id, "EventSource": event.source}
    return told.get(key) == value


@cache
def loader() -> Loader:
    return Loader()


@cache
def _motos_loader() -> Loader:
    from moto.core.loaders import create_loader

    return create_loader()


def _replace_hook(old: Any, new: Any) -> None:
    """Every botocore session made from now on has `new` where it had `old`."""
    hooks = botocore.handlers.BUILTIN_HANDLERS
    hooks[hooks.index(("before-send", old))] = ("before-send", new)


def _header(request: AWSPreparedRequest, name: str) -> str:
    value: Any = request.headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def _body(request: AWSPreparedRequest) -> Any:
    body: Any = request.body
    return json.loads(body or "{}")


def _region(request: AWSPreparedRequest) -> str:
    return _header(request, "Authorization").split(",")[0].split("/")[2]


def _json(request: AWSPreparedRequest, answer: dict[str, Any]) -> AWSResponse:
    body = json.dumps(answer).encode()
    headers: Any = {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "in-memory"}
    return AWSResponse(request.url, 200, headers, _Body(body))


class _Body(BytesIO):
    """What botocore reads an answer from: urllib3's way of handing over a body."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()
