"""Whatever is kept for speed, each request is signed with the credentials of its own account, role and record, while they are good."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.aws.sessions import EXTERNAL_ID_VARIABLE, ROLES_VARIABLE, AwsSessions
from chalicelib.core.snapback_resources import READER, fixer
from tests.support.events import FRIEND, HOME, REGION
from tests.support.trimmed import source
from tests.support.world import KNOWN

if TYPE_CHECKING:
    import pytest

_ROLE = (
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
    "<SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)
_USER = (
    "<GetUserResponse><GetUserResult><User><Path>/</Path><UserName>u</UserName><UserId>i</UserId><Arn>a</Arn>"
    "<CreateDate>2026-11-23T10:00:00Z</CreateDate></User></GetUserResult></GetUserResponse>"
)


def to_text(written: str | bytes) -> str:
    return written if isinstance(written, str) else written.decode()


class Aws:
    """STS that remembers which role each key is of, and IAM that remembers with which key it was asked."""

    def __init__(self, lifetime: timedelta) -> None:
        self._lifetime = lifetime
        self.roles: dict[str, tuple[str, str, datetime]] = {}
        self.asked: list[tuple[str, str]] = []

    def send(self, request: Any, **_: Any) -> AWSResponse:
        key = re.findall(r"Credential=(\w+)/", to_text(request.headers["Authorization"]))[0]
        body = {name: values[0] for name, values in parse_qs(to_text(request.body)).items()}
        if body["Action"] != "AssumeRole":
            self.asked.append((key, body["UserName"]))
            return self._answer(request, _USER)
        assert key == "testing", "roles are assumed as the function"
        made, until = f"KEY{len(self.roles)}", datetime.now(UTC) + self._lifetime
        self.roles[made] = (body["RoleArn"], body["RoleSessionName"], until)
        return self._answer(request, _ROLE.format(made, until.isoformat()))

    @staticmethod
    def _answer(request: Any, text: str) -> AWSResponse:
        none: Any = {}
        body: Any = SimpleNamespace(stream=lambda: [text.encode()])
        return AWSResponse(request.url, 200, none, body)


@st.composite
def steps(draw: st.DrawFn) -> list[Any]:
    """Sessions as they are opened, each `None` a call with one that was opened before."""
    opened = st.tuples(
        st.sampled_from([HOME, FRIEND]),
        st.sampled_from(["", "aaaa", "bbbb"]),
        st.sampled_from(["iam", "s3"]),
        st.booleans(),
    )
    return [draw(opened), *draw(st.lists(opened | st.integers(0, 9), max_size=12))]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps(), minutes=st.sampled_from([5, 30]))
def test_no_request_is_signed_with_another_role_s_or_with_expired_credentials(
    steps: list[Any], minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """botocore renews credentials that have less than ten minutes left before each call."""
    monkeypatch.setenv(ROLES_VARIABLE, "1")
    monkeypatch.delenv(EXTERNAL_ID_VARIABLE, raising=False)
    there, aws = source(REGION), Aws(timedelta(minutes=minutes))
    there.events.register("before-send", aws.send)
    passing: Any = there
    sessions, clients = AwsSessions(HOME, KNOWN, passing), list[Any]()
    for number, step in enumerate(steps):
        if isinstance(step, tuple):
            account, record, service, undo = step
            opened = (
                sessions.writer(account, REGION, record, service, undo=undo)
                if record
                else sessions.reader(account, REGION)
            )
            role = fixer(service, undo=undo) if record else READER
            name = f"snapback-{record}" if record else "snapback-look"
            clients.append((opened.client("iam"), f"arn:aws:iam::{account}:role/{role}", name))
        client, role, name = clients[step % len(clients)] if isinstance(step, int) else clients[-1]
        client.get_user(UserName=f"user-{number}")
        key, user = aws.asked[-1]
        assert user == f"user-{number}"
        assert aws.roles[key][:2] == (role, name)
        assert aws.roles[key][2] > datetime.now(UTC)
        if minutes < 10:
            assert key == f"KEY{len(aws.roles) - 1}", "credentials that end soon are not used again"


def test_a_fix_uses_the_connection_that_its_reader_has() -> None:
    passing: Any = source(REGION)
    sessions = AwsSessions(HOME, KNOWN, passing)
    reader = sessions.reader(FRIEND, REGION).client("iam")
    one, other = (sessions.writer(FRIEND, REGION, record, "iam").client("iam") for record in ("aaaa", "bbbb"))
    assert reader._endpoint.http_session is one._endpoint.http_session is other._endpoint.http_session
    assert sessions.reader(HOME, REGION).client("iam")._endpoint.http_session is not one._endpoint.http_session
