"""Clients of trimmed models send and read what clients of botocore's whole models do, byte for byte.

The guardrails' own tests run through trimmed models, too (tests/support/clients.py).
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError
from botocore.model import ServiceModel
from botocore.response import StreamingBody
from botocore.session import Session, get_session

from chalicelib.aws.models import INDEX, use_trimmed
from chalicelib.aws.sessions import AwsSessions
from chalicelib.aws.source import Source
from chalicelib.core.errors import ReadOnly
from chalicelib.core.partitions import PARTITIONS, partition
from tests.support import trimmed
from tests.support.events import HOME, REGION
from tests.support.examples import answer, example
from tests.support.world import KNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.world import World

REGIONS = ("us-east-1", *(each.global_region for each in PARTITIONS[1:]))
"""One of each partition."""
SERVICES = sorted(json.loads((trimmed.folder() / INDEX).read_text())["services"])


PASSING = {"Amz-Sdk-Invocation-Id", "amz-sdk-invocation-id", "X-Amz-Date", "Date"}
"""Headers that are never the same twice."""


def trimmed_session(missed: Callable[[str], object]) -> Session:
    session = get_session()
    use_trimmed(session, missed, trimmed.folder())
    return session


def missed(name: str) -> None:
    raise AssertionError(f"{name} was read whole")


def operations(session: Session, service: str) -> list[str]:
    return ServiceModel(session.get_component("data_loader").load_service_model(service, "service-2")).operation_names


def body_of(request: Any) -> Any:
    return request.body.read() if hasattr(request.body, "read") else request.body


class Wire:
    """A session's clients, whose requests are kept and answered with an example."""

    def __init__(self, session: Session, service: str, region: str) -> None:
        self._client: Any = session.create_client(
            service, region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        hook: Any = self._send
        self._client.meta.events.register("before-send", hook)
        self.refused = 0
        self._partition = partition(region)

    def call(self, operation: str) -> list[Any]:
        """Method, URL, body, headers and the signature's scope as they would be sent; the answer as it is read."""
        self._model, self._sent = self._client.meta.service_model.operation_model(operation), list[Any]()
        try:
            parsed = self._client._make_api_call(operation, example(self._model.input_shape, partition=self._partition))
        except BotoCoreError as error:  # As of a service that isn't in the partition.
            self.refused += 1
            return [repr(error)]
        return [*self._sent, {name: each for name, each in parsed.items() if not isinstance(each, StreamingBody)}]

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        headers = {name.lower(): value for name, value in request.headers.items() if name not in PASSING}
        scope = str(headers.pop("authorization")).partition("Credential=")[2].partition(",")[0].split("/")[2:]
        self._sent += [request.method, request.url, body_of(request), headers, scope]
        none: Any = {}
        body: Any = SimpleNamespace(stream=lambda: [answer(self._model)])
        return AWSResponse(request.url, 200, none, body)


@pytest.mark.parametrize("service", SERVICES)
def test_requests_and_answers_are_those_of_the_whole_models_in_all_partitions(service: str) -> None:
    small, whole = trimmed_session(missed), get_session()
    wanted = operations(small, service)
    refused = 0
    for region in REGIONS:
        ours, theirs = Wire(small, service, region), Wire(whole, service, region)
        for operation in wanted:
            assert ours.call(operation) == theirs.call(operation), (operation, region)
        refused += ours.refused
    assert refused <= len(REGIONS) * len(wanted) // 10, "most of it is sent, or nothing is tested"


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def session(heard: list[str]) -> Session:
    return trimmed_session(heard.append)


def test_a_call_that_is_left_out_is_made_and_heard_of(world: World, session: Any, heard: list[str]) -> None:
    s3 = session.create_client("s3", region_name=REGION)
    s3.put_bucket_cors  # noqa: B018 - once
    assert heard == ["s3.service-2"]
    s3.create_bucket(Bucket="app")
    s3.put_object(Bucket="app", Key="one", Body=b"1")
    assert [
        each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="app") for each in page["Contents"]
    ] == ["one"]
    assert not s3.can_paginate("get_bucket_acl")
    s3.get_waiter("object_exists").wait(Bucket="app", Key="one")
    with pytest.raises(AttributeError, match="no_such_call"):
        s3.no_such_call  # noqa: B018


def test_a_reader_refuses_a_write_that_is_left_out(world: World, session: Any, heard: list[str]) -> None:
    source: Any = Source(session, REGION)
    reader = AwsSessions(HOME, KNOWN, source).reader(HOME, REGION)
    with pytest.raises(ReadOnly, match="s3:PutBucketCors"):
        reader.client("s3").put_bucket_cors(Bucket="app", CORSConfiguration={"CORSRules": []})
    assert heard == ["s3.service-2"]


def test_a_service_that_is_left_out_is_called_where_it_is(session: Any, heard: list[str]) -> None:
    for service in ("s3", "waf"):  # Its endpoint is in no rule set of its own alone.
        theirs = get_session().create_client(service, region_name="us-gov-west-1")
        ours = session.create_client(service, region_name="us-gov-west-1")
        assert ours.meta.endpoint_url == theirs.meta.endpoint_url
        assert ours.meta.method_to_api_mapping == theirs.meta.method_to_api_mapping
    assert "waf.service-2" in heard
    assert set(get_session().get_available_services()) == set(session.get_available_services())


@pytest.mark.parametrize(
    "index", [b"", b"[]", b"{}", b'{"botocore": "1.0.0", "services": {"s3": "2006-03-01"}}', b'{"botocore": 1}']
)
def test_other_models_are_not_used(index: bytes, world: World, tmp_path: Path, heard: list[str]) -> None:
    (tmp_path / INDEX).write_bytes(index)
    (tmp_path / "s3.service-2.json").write_text("{}")
    session: Any = get_session()
    use_trimmed(session, heard.append, tmp_path)
    session.create_client("s3", region_name=REGION).create_bucket(Bucket="app")
    assert len(heard) == 1 + (not index.startswith(b'{"botocore": "1'))


def test_a_file_that_is_broken_is_read_whole(world: World, tmp_path: Path, heard: list[str]) -> None:
    for each in trimmed.folder().iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes()[: None if each.name == INDEX else 10])
    session: Any = get_session()
    use_trimmed(session, heard.append, tmp_path)
    session.create_client("s3", region_name=REGION).create_bucket(Bucket="app")
    assert {"s3.service-2", "s3.endpoint-rule-set-1", "endpoints", "partitions"} <= {*heard}


def test_without_models_botocore_reads_its_own(tmp_path: Path, heard: list[str]) -> None:
    session: Any = get_session()
    use_trimmed(session, heard.append, tmp_path)
    assert session.get_component("data_loader").__module__ == "botocore.loaders"
    assert not heard
