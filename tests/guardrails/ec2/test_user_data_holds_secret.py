from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import CannotJudge
from chalicelib.core.event import Event
from chalicelib.guardrails.ec2.user_data_holds_secret import plain_text, secret_lines, user_data_holds_secret
from chalicelib.resources.ec2.instances import Instance
from tests.guardrails.ec2.instances import forget, launch, launched, the_instance
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.user_data_holds_secret"
PASSWORD = "correct-horse-battery"
HARMLESS = """#!/bin/bash
TOKEN=$(curl -sX PUT http://169.254.169.254/latest/api/token -H "X-aws-ec2-metadata-token-ttl-seconds: 21600")
curl -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/
export DB_PASSWORD=$(aws secretsmanager get-secret-value --secret-id prod/db --query SecretString --output text)
export API_TOKEN="$1" DB_PASSWORD_FILE=/run/secrets/db SECRET_ARN=arn:aws:secretsmanager:us-east-1:123456789012:secret:a
docker login --username AWS --password-stdin 123456789012.dkr.ecr.us-east-1.amazonaws.com < /tmp/one
git clone https://github.com/example/tools/tree/0123456789abcdef0123456789abcdef01234567 && PasswordAuthentication=no
"""


def whole(world: World) -> Any:
    instance = the_instance(world)
    attribute = world.client("ec2").describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    return instance, attribute["UserData"]


def started(text: str | bytes) -> Any:
    return lambda world: launched(launch(world, UserData=text))


def changed(world: World) -> Envelope:
    made = launch(world, UserData=f"export DB_PASSWORD={PASSWORD}")
    asked = {"instanceId": made, "userData": "<sensitiveDataRemoved>"}
    return cloudtrail_event("ec2", "ModifyInstanceAttribute", asked, {"_return": True})


CASE = Case(
    unsafe=(
        started(f"#!/bin/bash\nexport DB_PASSWORD={PASSWORD}\n"),
        started(gzip.compress(b"#cloud-config\nruncmd: [mysql --password=hunter22-and-more]\n")),
        changed,
    ),
    near_misses=(started(HARMLESS), started("")),
    whole=whole,
    remove=forget,
)


def test_the_reason_names_lines_and_never_what_they_say(world: World) -> None:
    (outcome,) = world.deliver(started(f"#!/bin/bash\n\nexport DB_PASSWORD={PASSWORD}\n")(world), ID)
    assert outcome.reason == "its user data may hold a secret in line 3"
    assert PASSWORD not in str(world.records())


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter22-and-more",
        'DB_PASSWORD="hunter22 and more"',
        "psql postgres://app:hunter22@db.example.com/shop",
        "aws configure set aws_secret_access_key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "-----BEGIN RSA PRIVATE KEY-----",
        "git clone https://ghp_0123456789abcdefghijABCDEFGHIJ012345@github.com/example/shop",
        "registry --api-key 0a1b2c3d4e5f",
    ],
)
def test_a_secret_is_seen(line: str) -> None:
    assert secret_lines(f"#!/bin/sh\n{line}") == [2]


@pytest.mark.parametrize(
    "line",
    [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ0aGlzIGlzIG5vdCBhIHJlYWwga2V5IGF0IGFsbA0A alice",
        "content: H4sIAAAAAAAAA8tIzcnJVyjPL8pJUQQAlRmFGwwAAABhbmRzb21lbW9yZXN0dWZmMTIzNDU2Nzg5MAo=",
        "password: ${db_password}",
        "password: '{{resolve:secretsmanager:prod/db}}'",
        "token = <filled in later>",
        "sha256sum -c e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_what_only_looks_like_one_is_let_be(line: str) -> None:
    assert not secret_lines(line)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(data: bytes) -> None:
    secret_lines(plain_text(b64encode(data).decode()))
    secret_lines(plain_text(data.decode(errors="replace")))
    secret_lines(plain_text(b64encode(gzip.compress(data)[:-3]).decode()))


ZEROS = gzip.compress(b" " * (1 << 24))


@pytest.mark.parametrize("data", [b"\0\1\2program", b"\x1f\x8bno gzip", ZEROS])
def test_user_data_that_is_no_text_is_not_judged(data: bytes, world: World) -> None:
    assert judge(world, data + b"\n") is None


@pytest.mark.parametrize("data", [b"\xff\xfe Latin-1 or so", b"", "naïve".encode()])
def test_text_in_another_encoding_is_judged(data: bytes, world: World) -> None:
    assert judge(world, data) == "compliant"


def test_a_secret_beside_what_is_no_text_is_found(world: World) -> None:
    assert "line 2" in str(judge(world, f"\0\nexport DB_PASSWORD={PASSWORD}".encode()))


def judge(world: World, data: bytes) -> str | None:
    """Why it is unsafe, `compliant`, or None where it can't be judged."""
    event = Event.parse(json.loads(json.dumps(started(data)(world), default=str)))
    (instance,) = Instance.in_event(event)
    try:
        found: str | None = user_data_holds_secret(
            instance, world.application("alert", ID).sessions.reader(HOME, REGION)
        )
    except CannotJudge:
        return None
    return found or "compliant"
