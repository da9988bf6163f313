"""Settings that change without a deploy."""

from __future__ import annotations

import json
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from botocore.exceptions import ClientError

from chalicelib import wiring
from chalicelib.aws.settings_source import KEPT, PATH_VARIABLE, SOON, Live, checked, fetcher, live_settings
from chalicelib.core.baseline import Require
from chalicelib.core.errors import BadVersion, SettingsUnreadable
from chalicelib.core.settings import Asking, Exemption, Exports, Settings
from chalicelib.core.types import Mode, Status
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

PARAMETER = "/snapback/settings"
BAD = b'{"mode": "fixx"}'
CONTEXT = SimpleNamespace(
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-GuardS3-1A2B3C",
    get_remaining_time_in_millis=lambda: 60_000,
)


def document(**values: Any) -> bytes:
    return msgspec.json.encode(Settings(**values))


class Published:
    """What is published, and a clock."""

    def __init__(self, now: bytes | None) -> None:
        self.now, self.clock, self.asked = now, 1000.0, 0
        self.refused: list[str] = []

    def fetch(self) -> bytes:
        self.asked += 1
        if self.now is None:
            raise SettingsUnreadable("ssm:/snapback/settings can't be read: ThrottlingException")
        return self.now

    def live(self, packaged: Settings | None = None) -> Live:
        return Live(self.fetch, lambda: packaged or Settings(mode=Mode.FIX), lambda: self.clock)

    def current(self, live: Live) -> Settings:
        return live.current(lambda refusal: self.refused.append(refusal.why))


def test_settings_are_asked_for_once_a_minute_and_stay_the_same_object() -> None:
    there = Published(document(mode=Mode.ASK))
    live = there.live()
    first = there.current(live)
    there.now = document(mode=Mode.FIX)
    there.clock += KEPT - 1
    assert there.current(live) is first
    assert there.asked == 1
    there.clock += 1
    assert there.current(live).mode is Mode.FIX
    there.clock += KEPT
    same = there.current(live)
    there.clock += KEPT
    assert there.current(live) is same
    assert there.refused == []


@pytest.mark.parametrize("bad", [BAD, b"", b"\xff", b"[" * 100_000, b"x" * 1_000_001, None, document(trouble="x")])
def test_a_version_that_cannot_be_used_is_refused_loudly_and_the_last_good_one_kept(bad: bytes | None) -> None:
    there = Published(document(mode=Mode.FIX))
    live = there.live()
    good = there.current(live)
    there.now = bad
    for _ in range(2):
        there.clock += KEPT
        assert there.current(live) is good
    assert len(there.refused) == 2
    assert live.refusal
    there.now = document(mode=Mode.ASK)
    there.clock += KEPT
    assert there.current(live).mode is Mode.ASK
    assert live.refusal is None


@pytest.mark.parametrize("bad", [BAD, None])
def test_with_no_good_version_the_packaged_settings_tell_and_nothing_is_fixed(bad: bytes | None) -> None:
    there = Published(bad)
    live = there.live(Settings(mode=Mode.FIX, exports=Exports(bus="default")))
    instead = there.current(live)
    assert instead.exports.bus == "default"
    assert "so nothing is fixed" in instead.trouble
    there.clock += KEPT
    assert there.current(live) is instead
    there.now = document(mode=Mode.FIX)
    there.clock += KEPT
    assert not there.current(live).trouble


def test_while_none_is_good_they_are_asked_for_again_soon() -> None:
    there = Published(None)
    live = there.live()
    assert there.current(live).trouble
    there.now = document(mode=Mode.FIX)
    there.clock += SOON
    assert not there.current(live).trouble


def test_when_the_packaged_settings_fail_too_their_own_trouble_is_told() -> None:
    there = Published(None)
    assert there.current(there.live(Settings(trouble="the file is gone"))).trouble == "the file is gone"


def test_an_error_is_not_asked_about_with_every_event() -> None:
    there = Published(None)
    live = there.live()
    for _ in range(5):
        there.current(live)
    assert there.asked == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"mode": "fixx"}, "Invalid enum value 'fixx'"),
        ({"nope": 1}, "unknown field `nope`"),
        ({"stack": "arn:x"}, "`stack`"),
        ({"routes": [{"channels": ["ops"]}]}, "unknown channels: ops"),
        ({"asking": {"escalate_to": ["boss"]}}, "unknown channels: boss"),
        (
            {"channels": [{"type": "slack", "name": "a", "url": "ssm:/x", "fallback": "b"}]},
            "unknown channels: b",
        ),
        (
            {"channels": [{"type": "slack", "name": "a", "url": "ssm:/x"}] * 2},
            "two channels in the settings have the same name",
        ),
    ],
)
def test_what_no_version_may_be(values: Any, why: str) -> None:
    with pytest.raises(BadVersion, match=why):
        checked(json.dumps(values).encode())


def test_what_publish_writes_is_what_is_read() -> None:
    settings = Settings(mode=Mode.FIX, asking=Asking(remind_hours=2), require=Require(key_days=30))
    assert checked(document(mode=Mode.FIX, asking=Asking(remind_hours=2), require=Require(key_days=30))) == settings


def test_parameter_store_is_read(world: World) -> None:
    ssm = world.client("ssm")
    fetch = fetcher(f"ssm:{PARAMETER}", lambda *_, **__: ssm)
    with pytest.raises(SettingsUnreadable, match=PARAMETER):
        fetch()
    for number in (1, 2):
        ssm.put_parameter(Name=PARAMETER, Value=f"{number}", Type="SecureString", Overwrite=True)
        assert fetch() == b"%d" % number


class AppConfig:
    """The data plane of AppConfig, which moto lacks: a token is good once, and what is unchanged is not sent again.

    https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_appconfigdata_GetLatestConfiguration.html
    """

    def __init__(self) -> None:
        self.now, self.sent, self.token, self.started = b"1", b"", 0, 0

    def start_configuration_session(self, **asked: str) -> Any:
        assert asked == {
            "ApplicationIdentifier": "abc1234",
            "EnvironmentIdentifier": "def5678",
            "ConfigurationProfileIdentifier": "ghi9012",
        }
        self.started += 1
        self.sent = b""
        self.token += 1
        return {"InitialConfigurationToken": str(self.token)}

    def get_latest_configuration(self, ConfigurationToken: str) -> Any:  # noqa: N803 - AWS's name
        if ConfigurationToken != str(self.token):
            raise ClientError({"Error": {"Code": "BadRequestException", "Message": "the token is no good"}}, "x")
        body, self.sent = b"" if self.now == self.sent else self.now, self.now
        self.token += 1
        return {"NextPollConfigurationToken": str(self.token), "Configuration": BytesIO(body)}


def test_appconfig_is_read_and_a_session_that_ended_is_begun_anew() -> None:
    there = AppConfig()
    fetch = fetcher("appconfig:abc1234/def5678/ghi9012", lambda *_, **__: there)
    assert [fetch(), fetch()] == [b"1", b"1"]
    there.now = b"2"
    assert fetch() == b"2"
    there.token += 1  # It expired.
    with pytest.raises(SettingsUnreadable, match="no good"):
        fetch()
    assert fetch() == b"2"
    assert there.started == 2


@pytest.fixture
def container(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A function's container whose settings are in Parameter Store."""
    world.application()  # Makes the ledger.
    monkeypatch.setenv(PATH_VARIABLE, f"ssm:{PARAMETER}")
    monkeypatch.setattr(wiring, "_APPLICATION", {})
    clock = lambda: world.clock.timestamp()  # noqa: E731, PLW0108 - the world's clock is another after a while
    monkeypatch.setattr(wiring, "live_settings", lambda _: Live(fetcher(f"ssm:{PARAMETER}"), clock=clock))
    publish(world, document(mode=Mode.FIX, grace={"*": 0}))
    wiring.application(CONTEXT).now = lambda: world.clock
    return world


def publish(world: World, raw: bytes) -> None:
    world.client("ssm").put_parameter(Name=PARAMETER, Value=raw.decode(), Type="SecureString", Overwrite=True)


def opened(world: World, name: str) -> str:
    world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    world.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")
    outcomes = wiring.guard("s3", cloudtrail_event("s3", "PutBucketAcl", {"bucketName": name}), CONTEXT)
    return next(each["status"] for each in outcomes if each["guardrail"] == "s3.bucket_acl_made_public")


def test_a_container_changes_its_mind_within_the_time(container: World) -> None:
    assert opened(container, "one") == "fixed"
    publish(container, document(mode=Mode.ASK, grace={"*": 0}))
    assert opened(container, "two") == "fixed"
    container.later(seconds=KEPT)
    assert opened(container, "three") == "asking"
    exemption = Exemption(guardrail="s3.*", reason="a test", owner="web team", expires=container.clock.date())
    publish(container, document(mode=Mode.FIX, grace={"*": 0}, exemptions=(exemption,)))
    container.later(seconds=KEPT)
    assert opened(container, "four") == "exempt"
    publish(container, BAD)
    container.later(seconds=KEPT)
    assert opened(container, "five") == "exempt"


def test_what_is_known_reaches_the_guardrails_of_a_warm_container(container: World) -> None:
    here = wiring.application(CONTEXT)
    reader = here.sessions.reader(HOME, REGION)
    assert reader.baseline.require.key_days == 90
    publish(container, document(require=Require(key_days=30)))
    container.later(seconds=KEPT)
    assert wiring.application(CONTEXT) is here
    assert here.sessions.reader(HOME, REGION).baseline.require.key_days == 30
    assert here.sessions.reader(HOME, REGION).baseline.published == f"ssm:{PARAMETER}"


def test_channels_and_sinks_are_opened_anew(container: World) -> None:
    here = wiring.application(CONTEXT)
    assert here.sinks == ()
    publish(container, document(exports=Exports(bus="default")))
    container.later(seconds=KEPT)
    assert [sink.name for sink in wiring.application(CONTEXT).sinks] == ["bus"]


def test_a_refused_version_is_told_once_and_is_an_outbox_record(container: World) -> None:
    wiring.application(CONTEXT)
    publish(container, BAD)
    for _ in range(3):
        container.later(seconds=KEPT)
        wiring.act({"action": "maintain"}, CONTEXT)
    (record,) = container.records()
    assert (record.guardrail, record.status, record.severity) == (
        "snapback.settings_refused",
        Status.ALERTED,
        "critical",
    )
    assert "Invalid enum value 'fixx'" in record.reason
    publish(container, b'{"mode": "fixy"}')
    container.later(seconds=KEPT)
    wiring.act({"action": "maintain"}, CONTEXT)
    assert len(container.records()) == 2


def test_settings_that_cannot_be_read_are_told_once_a_day(container: World) -> None:
    wiring.application(CONTEXT)
    container.client("ssm").delete_parameter(Name=PARAMETER)
    for _ in range(3):
        container.later(seconds=KEPT)
        wiring.act({"action": "maintain"}, CONTEXT)
    assert len(container.records()) == 1
    container.later(days=1)
    wiring.act({"action": "maintain"}, CONTEXT)
    assert len(container.records()) == 2


def test_a_function_that_starts_with_a_bad_version_tells_and_fixes_nothing(
    container: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(container, BAD)
    monkeypatch.setattr(wiring, "_APPLICATION", {})
    assert opened(container, "one") == "alerted"


def test_packaged_settings_cost_no_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_APPLICATION", {})
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    here = wiring.application(CONTEXT)
    assert here.live is None
    assert wiring.application(CONTEXT) is here


@pytest.mark.parametrize(
    ("named", "live"),
    [
        ("", False),
        ("/var/task/settings.json", False),
        ("ssm:/snapback/settings", True),
        ("appconfig:abc1234/def5678/ghi9012", True),
        ("appconfig:abc1234", False),
        ("ssm:snapback", False),
    ],
)
def test_the_environment_says_whether_settings_may_change(
    named: str, live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, named)
    assert bool(live_settings()) is live
