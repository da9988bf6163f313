from __future__ import annotations

import re
import textwrap
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from chalicelib.aws.settings_source import PATH_VARIABLE, STACK_VARIABLE, load_settings
from chalicelib.core.baseline import Allow, Baseline, Require, RequiredTrail
from chalicelib.core.settings import Exemption, Modes, Settings, SlackSettings
from chalicelib.core.types import Mode
from snapback.errors import BadSettings
from snapback.settings_file import check, read_settings, to_json

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 23)
ID = "s3.bucket_acl_made_public"

WHOLE = f"""
mode: off
accounts: [012345678901, "210987654321"]
guardrails:
  {ID}:
    mode: ask
    accounts: {{210987654321: fix}}
    tags: {{env=prod: off}}
exemptions:
  - {{guardrail: "s3.*", resource: "arn:aws:s3:::www", reason: a website, owner: web team, expires: 2027-01-31}}
allow:
  accounts: []
  cidrs: [203.0.113.0/24]
require:
  admin_ports: [22]
  trails: {{audit: {{bucket: trail-bucket, organization: yes}}}}
channels:
  - {{name: security, type: slack, url: "ssm:/snapback/slack"}}
undo_exemption_days: 3
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "snapback.yaml"
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())
    return path


AT_TOP = ", ".join(name for name in Settings.__struct_fields__ if name not in {"trouble", "stack", "published"})
IN_ALLOW = ", ".join(Allow.__struct_fields__)


TYPES = "slack, slack_app, teams, apprise, sns, webhook"
TWO = "channels:\n- {name: one, type: slack, url: 'ssm:/snapback/a'}\n- name: two\n  type: teams\n  url: secretsmanager:snapback/b\n"
TELLING = {"account_names", "channels", "routes", "direct", "quiet", "clicks", "exports", "approvers", "regions"}


def problems(folder: Path, text: str | bytes) -> list[str]:
    path = written(folder, text)
    return [str(problem).removeprefix(f"{path}:") for problem in check(path, TODAY)[1]]


def test_a_whole_file_is_read_as_it_is_meant(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, WHOLE)) == Settings(
        mode=Mode.OFF,
        accounts=frozenset({"012345678901", "210987654321"}),
        guardrails={ID: Modes(mode=Mode.ASK, accounts={"210987654321": Mode.FIX}, tags={"env=prod": Mode.OFF})},
        exemptions=(Exemption("s3.*", "a website", "web team", date(2027, 1, 31), "arn:aws:s3:::www"),),
        allow=Allow(cidrs=("203.0.113.0/24",)),
        require=Require(admin_ports=(22,), trails={"audit": RequiredTrail("trail-bucket", organization=True)}),
        channels=(SlackSettings(name="security", url="ssm:/snapback/slack"),),
        undo_exemption_days=3,
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "mode: alert", "allow:\nrequire:\naccounts:\nexemptions:\nguardrails:\n", "{}"]
)
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert read_settings(written(tmp_path, text)) == Settings()


def test_the_shipped_example_is_good_and_fixes_nothing() -> None:
    settings, found = check(ROOT / "snapback.yaml", TODAY)
    assert found == []
    assert settings == Settings()
    assert settings.mode is Mode.ALERT


def test_the_shipped_example_is_good_with_its_comments_taken_off_too(tmp_path: Path) -> None:
    section = re.compile(r"^( *\w+:) (?:\[\]|\{\}|null)(?: .*)?\n((?: *# (?:- |  ).*\n)+)", re.MULTILINE)
    text, taken_off = section.subn(
        lambda found: f"{found[1]}\n" + re.sub("(?m)^( *)# ", r"\1", found[2]), (ROOT / "snapback.yaml").read_text()
    )
    settings, found = check(written(tmp_path, text), TODAY)
    assert found == []
    assert taken_off == 22
    assert settings
    assert len(settings.guardrails) == 2
    assert settings.require.trails["audit"].organization
    assert all(getattr(settings, name) != default for name, default in asdict(Settings()).items() if name in TELLING)
    assert (len(settings.exemptions), len(settings.channels), len(settings.accounts)) == (1, 6, 1)


@pytest.mark.parametrize("name", ["snapback.yaml", "whole"])
def test_the_functions_read_back_what_was_packaged(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(written(tmp_path, WHOLE) if name == "whole" else ROOT / name)
    (tmp_path / "settings.json").write_bytes(to_json(settings))
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "settings.json"))
    assert load_settings() == settings
    for_people = to_json(settings).replace(b',"trouble":""', b"").replace(b',"stack":"","published":""', b"")
    assert read_settings(written(tmp_path, for_people)) == settings


def test_the_stack_is_the_deployments_to_tell_and_not_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadSettings, match="unknown key 'stack' in the file"):
        read_settings(written(tmp_path, "stack: x"))
    (tmp_path / "settings.json").write_bytes(b'{"stack": "x"}')
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "settings.json"))
    assert not load_settings().stack
    monkeypatch.setenv(STACK_VARIABLE, "arn:aws:cloudformation:us-east-1:123456789012:stack/snapback/1")
    assert load_settings().stack == "arn:aws:cloudformation:us-east-1:123456789012:stack/snapback/1"


def test_equal_settings_are_packaged_as_equal_bytes() -> None:
    accounts = [f"{number:012}" for number in range(50)]
    one, other = Settings(accounts=frozenset(accounts)), Settings(accounts=frozenset(reversed(accounts)))
    assert to_json(one) == to_json(other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mode: fixx", "1: mode is 'fixx', did you mean 'fix'?; allowed: off, alert, ask, fix"),
        ("mode:", "1: mode has nothing; allowed: off, alert, ask, fix"),
        ("mode: [fix]", "1: mode has a list; allowed: off, alert, ask, fix"),
        (
            "allow:\n  acounts: []",
            f"2: unknown key 'acounts' in allow, did you mean 'accounts'?; allowed: {IN_ALLOW}",
        ),
        (
            "trouble: on purpose",
            f"1: unknown key 'trouble' in the file, did you mean 'routes'?; allowed: {AT_TOP}",
        ),
        ("accounts:\n  - 12", "2: accounts[0] is '12'; allowed: an account id of 12 digits"),
        (
            "guardrails:\n  s3.bucket_acl_made_publik: fix",
            (f"2: no guardrail 's3.bucket_acl_made_publik', did you mean '{ID}'?; allowed: an id that `snapback catalog`"
            " lists"),
        ),
        (
            f"guardrails:\n  {ID}: yes",
            f"2: guardrails.{ID} is 'yes'; allowed: off, alert, ask, fix",
        ),
        (
            f"guardrails:\n  {ID}: [fix]",
            f"2: guardrails.{ID} has a list; allowed: off, alert, ask, fix, or the keys mode, accounts, tags",
        ),
        (
            f"guardrails:\n  {ID}:\n    tags: {{prod: off}}",
            f"3: a key of guardrails.{ID}.tags is 'prod'; allowed: a tag as key=value",
        ),
        (
            f"guardrails:\n  {ID}:\n    tags: {{env=dev: off}}",
            "3: env=dev turns nothing off, because 'env' isn't in trusted_tags",
        ),
        ("trusted_tags: ['aws:x']", "1: trusted_tags[0] is 'aws:x'; allowed: a tag's key, which doesn't begin with aws:"),
        ("mode: ask\nmode: fix", "2: mode appears twice, first in line 1; allowed: once"),
        (
            f"guardrails:\n  {ID}: ask\n  {ID}: fix",
            f"3: guardrails.{ID} appears twice, first in line 2; allowed: once",
        ),
        ("mode: 'alert", "1: is not valid YAML: found unexpected end of stream"),
        ("a: b: c", "1: is not valid YAML: mapping values are not allowed here"),
        ("mode: alert\n---\nmode: fix", "2: is not valid YAML: but found another document"),
        ("- alert", f"1: the file has a list; allowed: the keys {AT_TOP}"),
        ("mode: !!python/object:os.system fix", "1: mode has the tag 'tag:yaml.org,2002:python/object:os.system'; allowed: YAML without tags of its own"),
        ("mode: !fix fix", "1: mode has the tag '!fix'; allowed: YAML without tags of its own"),
        ("[a]: b", "1: a key of the file is not text; allowed: text"),
        ("undo_exemption_days: 0", "1: undo_exemption_days is '0'; allowed: a whole number from 1 to 365"),
        ("undo_exemption_days: '7'", "1: undo_exemption_days is '7'; allowed: a whole number from 1 to 365"),
        ("require:\n  admin_ports: [22, 70000]", "2: require.admin_ports[1] is '70000'; allowed: a whole number from 0 to 65535"),
        ("allow:\n  cidrs:\n    - 10.0.0.1/8", "3: '10.0.0.1/8' isn't an address range; allowed: a CIDR such as 203.0.113.0/24 or 2001:db8::/32"),
        ("require: {trails: {audit: {bucket: b, organization: maybe}}}", "1: require.trails.audit.organization is 'maybe'; allowed: true, false"),
        ("require: {trails: {audit: {}}}", "1: require.trails.audit lacks 'bucket'; allowed: text"),
        ("require: {trails: {audit: }}", "1: require.trails.audit has nothing; allowed: the keys bucket, prefix, kms_key, organization"),
        ("channels: [{name: a, type: irc, url: 'ssm:/a'}]", f"1: channels[0].type is 'irc'; allowed: {TYPES}"),
        ("channels: [{name: a, type: slak, url: 'ssm:/a'}]", f"1: channels[0].type is 'slak', did you mean 'slack'?; allowed: {TYPES}"),
        ("channels: [{name: a, type: [slack], url: 'ssm:/a'}]", f"1: channels[0].type has a list; allowed: {TYPES}"),
        ("channels:\n- name: a\n  url: 'ssm:/a'", f"2: channels[0] lacks 'type'; allowed: {TYPES}"),
        ("channels: [slack]", f"1: channels[0] has a single value; allowed: keys and values, with `type` {TYPES}"),
        ("channels: [{name: a, type: sns, url: 'ssm:/a', topic: 'arn:aws:sns:eu-west-1:123456789012:snapback-x'}]", "1: unknown key 'url' in channels[0]; allowed: type, topic, name, per_minute, fallback"),
        ("channels: [{name: a, type: slack_app, conversation: C0123456789}]", "1: channels[0] lacks 'token'; allowed: the name of a secret, not its value: ssm:/path or secretsmanager:name"),
        (f"{TWO}  fallback: onn", "6: channels[1].fallback: no channel 'onn', did you mean 'one'?; allowed: one, two"),
        (f"{TWO}  fallback: two", "6: channel 'two' falls back to itself: two → two; allowed: another channel that doesn't lead back"),
        (f"{TWO}routes:\n- {{channels: [one, tow]}}", "7: routes[0].channels[1]: no channel 'tow', did you mean 'two'?; allowed: one, two"),
        (f"{TWO}routes:\n- {{channels: []}}", "7: findings of this route go to no channel, only to the ledger"),
        (f"{TWO}routes:\n- {{channels: [one], guardrail: s9.*}}", "7: no guardrail matches 's9.*'; allowed: an id that `snapback catalog` lists, or a glob that matches one"),
        (f"{TWO}routes:\n- {{channels: [one], severities: [hihg]}}", "7: routes[0].severities[0] is 'hihg', did you mean 'high'?; allowed: critical, high, low, medium"),
        (f"{TWO}routes:\n- {{guardrail: s3.*}}", "7: routes[0] lacks 'channels'; allowed: a list (- …), each 1 to 40 letters, digits, _ and -"),
        ("routes: [{channels: [one]}]", "1: routes[0].channels[0]: no channel 'one'; allowed: none: there are no channels"),
        (f"{TWO}asking: {{escalate_to: [boss]}}", "6: asking.escalate_to[0]: no channel 'boss'; allowed: one, two"),
        ("asking: {escalate_hours: 80}", "1: asking.escalate_hours is 80, but a question is closed after 72 hours; allowed: fewer hours"),
        ("asking:\n  expire_hours: 24", "2: asking.escalate_hours is 24, but a question is closed after 24 hours; allowed: fewer hours"),
        (f"{TWO}direct: {{via: one, domains: [example.com]}}", "6: direct.via: channel 'one' is of type slack; allowed: a channel of type slack_app"),
        (f"{TWO}direct: {{via: three, domains: [example.com]}}", "6: direct.via: no channel 'three'; allowed: one, two"),
        ("channels: [{name: app, type: slack_app, token: ssm:/snapback/a, conversation: C0123456789}]\ndirect: {via: app, domains: ['@example.com']}", "2: direct.domains[0] is '@example.com'; allowed: a domain in lower case, as example.com"),
        ("quiet: {start: '25:00', end: '07:00'}", "1: quiet.start is '25:00'; allowed: a time of day as 22:00"),
        ("quiet: {start: '07:00', end: '07:00'}", "1: quiet.start and quiet.end are both 07:00; allowed: two times of day"),
        ("quiet: {start: '22:00', end: '07:00', zone: Europe/Belrin}", "1: quiet.zone: no time zone 'Europe/Belrin', did you mean 'Europe/Berlin'?; allowed: a name of the tz database, such as Europe/Berlin"),
        ("channels: [{name: a, type: slack, url: 'ssm:/slack'}]", "1: Snapback's functions can't read the secret of channels[0].url; put it under snapback/"),
        ("clicks: {page_key: 'secretsmanager:key'}", "1: Snapback's functions can't read the secret of clicks.page_key; put it under snapback/"),
        ("channels: [{name: a, type: sns, topic: 'arn:aws:sns:eu-west-1:123456789012:mine'}]", "1: Snapback's functions may publish only to topics whose names begin with snapback-"),
        ("channels: [{name: a, type: sns, topic: mine}]", "1: channels[0].topic is 'mine'; allowed: the ARN of an SNS topic"),
        ("quiet: {start: '22:00', end: '07:00', severities: [low, high]}", "1: high findings ignore quiet hours"),
        ("regions: [europe]", "1: regions[0] is 'europe'; allowed: a region as eu-west-1"),
        ("flood: {messages: 0}", "1: flood.messages is '0'; allowed: a whole number from 1 to 1000"),
        (
            "exemptions:\n- {guardrail: s3.*, reason: because, owner: team, expires: 2027-13-01}",
            "2: exemptions[0].expires is '2027-13-01'; allowed: a day as 2027-01-31",
        ),
        (
            "exemptions:\n- {guardrail: s3.*, reason: because, expires: 2027-12-01}",
            "2: exemptions[0] lacks 'owner'; allowed: text of at least 3 characters",
        ),
        (
            "exemptions:\n- {guardrail: s9.*, reason: because, owner: team, expires: 2027-12-01}",
            "2: no guardrail matches 's9.*'; allowed: an id that `snapback catalog` lists, or a glob that matches one",
        ),
        (
            "exemptions:\n- {guardrail: s3.*, reason: because, owner: team, expires: 2026-11-22}",
            "2: the exemption expired on 2026-11-22 and has no effect",
        ),
        (
            "exemptions:\n- {guardrail: '*', reason: because, owner: team, expires: 2026-11-23}",
            "2: the exemption covers everything, so Snapback reports nothing",
        ),
        (
            "guardrails: {signin.root_used: fix}",
            "1: signin.root_used is set to fix, but it is a tripwire and only alerts",
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line_and_what_is_allowed(tmp_path: Path, text: str, expected: str) -> None:
    (told,) = problems(tmp_path, text)
    assert told == expected


def test_all_mistakes_are_told_at_once_by_line(tmp_path: Path) -> None:
    text = "mode: fixx\nacounts: []\nexemptions:\n- {guardrail: nope}\n- {guardrail: s3.*, reason: because, owner: team, expires: 2020-01-01}\nundo_exemption_days: 400\n"
    told = problems(tmp_path, text)
    assert [line.partition(":")[0] for line in told] == ["1", "2", "4", "4", "4", "5", "6"]
    path = written(tmp_path, text)
    with pytest.raises(BadSettings) as caught:
        read_settings(path)
    assert str(caught.value).count("\n") == 5, "the expired exemption only warns"


def test_warnings_do_not_stop_it(tmp_path: Path) -> None:
    warned: list[str] = []
    path = written(tmp_path, f"{TWO}routes: [{{channels: []}}]")
    assert read_settings(path, warn=lambda problem: warned.append(str(problem))).channels[0].name == "one"
    assert warned == [f"{path}:6: findings of this route go to no channel, only to the ledger"]


@pytest.mark.parametrize(
    "text",
    [
        "channels: [{name: a, type: slack, url: 'https://hooks.example.com/T0/B0/hunter2'}]",
        "channels: [{name: a, type: webhook, url: hunter2.example.com}]",
        "channels: [{name: a, type: webhook, url: 'https://example.com', secret: whsec_hunter2}]",
        "channels: [{name: a, type: slack_app, token: xoxb-hunter2, conversation: C0123456789}]",
        "channels: [{name: a, type: apprise, url: 'mailto://me:hunter2@example.com'}]",
        "clicks: {slack_signing_secret: hunter2}",
        "clicks: {page_key: hunter2}",
    ],
)
def test_a_secret_is_never_repeated_in_an_error(tmp_path: Path, text: str) -> None:
    (told,) = problems(tmp_path, text)
    assert " is not valid; allowed: " in told
    assert "ssm:/path or secretsmanager:name" in told
    assert "hunter2" not in told


def test_fallbacks_in_a_circle_are_told_at_each_of_them(tmp_path: Path) -> None:
    text = "channels:\n" + "".join(
        f"- {{name: {name}, type: teams, url: 'ssm:/snapback/x', fallback: {after}}}\n"
        for name, after in (("a", "b"), ("b", "c"), ("c", "b"))
    )
    assert problems(tmp_path, text) == [
        "3: channel 'b' falls back to itself: b → c → b; allowed: another channel that doesn't lead back",
        "4: channel 'c' falls back to itself: c → b → c; allowed: another channel that doesn't lead back",
    ]


def test_names_are_looked_up_only_when_all_channels_can_be_read(tmp_path: Path) -> None:
    told = problems(tmp_path, f"{TWO}- {{name: three, type: irc}}\nroutes: [{{channels: [three]}}]")
    assert told == [f"6: channels[2].type is 'irc'; allowed: {TYPES}"]


def test_two_channels_of_one_name_are_told(tmp_path: Path) -> None:
    text = "channels:\n- {name: a, type: webhook, url: 'ssm:/snapback/a'}\n- {name: a, type: webhook, url: 'ssm:/snapback/b'}\n"
    assert problems(tmp_path, text)[0] == "2: two channels are called 'a'; allowed: each name once"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"mode: \x00", "is not valid YAML: special characters are not allowed"),
        (b"[" * 1200, "is nested too deeply"),
        (b"a: &a [*a]", "unknown key 'a'"),
        (b"mode: *nowhere", "found undefined alias"),
        (b"\tmode: fix", "found character"),
    ],
)
def test_what_is_no_yaml_is_told_in_one_line(tmp_path: Path, text: bytes, expected: str) -> None:
    (told,) = problems(tmp_path, text)
    assert expected in told
    assert "\n" not in told


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.yaml: there is no such file; name your settings file"):
        read_settings(tmp_path / "nowhere.yaml")
    with pytest.raises(BadSettings, match="can't be read: Is a directory"):
        read_settings(tmp_path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_file_breaks_it(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    settings, found = check(written(tmp_path_factory.mktemp("any"), text), TODAY)
    assert settings is not None or found


YAML_SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["fix", "s3.*", "2027-01-31"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*Settings.__struct_fields__, *Baseline.__struct_fields__, *Exemption.__struct_fields__, ID]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(YAML_SHAPES)
def test_what_is_accepted_is_what_the_functions_accept(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    settings, found = check(written(tmp_path_factory.mktemp("any"), msgspec.json.encode(value)), TODAY)
    if settings is None:
        assert any(not problem.warning and problem.line for problem in found)
    else:
        assert msgspec.json.decode(to_json(settings), type=Settings) == settings
