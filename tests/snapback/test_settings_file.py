from __future__ import annotations

import re
import textwrap
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.settings import PATH_VARIABLE, STACK_VARIABLE, load_settings
from chalicelib.core.settings import Channel, Exemption, Known, Mode, Modes, Settings, Trail
from snapback.settings_file import BadSettings, check, read_settings, to_json

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
known:
  accounts: []
  cidrs: [203.0.113.0/24]
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


AT_TOP = ", ".join(name for name in Settings.__struct_fields__ if name != "trouble")
IN_KNOWN = ", ".join(name for name in Known.__struct_fields__ if name != "stack")


def problems(folder: Path, text: str | bytes) -> list[str]:
    path = written(folder, text)
    return [str(problem).removeprefix(f"{path}:") for problem in check(path, TODAY)[1]]


def test_a_whole_file_is_read_as_it_is_meant(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, WHOLE)) == Settings(
        mode=Mode.OFF,
        accounts=frozenset({"012345678901", "210987654321"}),
        guardrails={ID: Modes(mode=Mode.ASK, accounts={"210987654321": Mode.FIX}, tags={"env=prod": Mode.OFF})},
        exemptions=(Exemption("s3.*", "a website", "web team", date(2027, 1, 31), "arn:aws:s3:::www"),),
        known=Known(
            cidrs=("203.0.113.0/24",), admin_ports=(22,), trails={"audit": Trail("trail-bucket", organization=True)}
        ),
        channels=(Channel("security", "slack", "ssm:/snapback/slack"),),
        undo_exemption_days=3,
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "mode: alert", "known:\naccounts:\nexemptions:\nguardrails:\n", "{}"]
)
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert read_settings(written(tmp_path, text)) == Settings()


def test_the_shipped_example_is_good_and_fixes_nothing() -> None:
    settings, found = check(ROOT / "snapback.yaml", TODAY)
    assert found == []
    assert settings == Settings()
    assert settings.mode is Mode.ALERT


def test_the_shipped_example_is_good_with_its_comments_taken_off_too(tmp_path: Path) -> None:
    section = re.compile(r"^( *\w+:) (?:\[\]|\{\}).*\n((?: *# (?:- |  ).*\n)+)", re.MULTILINE)
    text, taken_off = section.subn(
        lambda found: f"{found[1]}\n" + re.sub("(?m)^( *)# ", r"\1", found[2]), (ROOT / "snapback.yaml").read_text()
    )
    settings, found = check(written(tmp_path, text), TODAY)
    assert found == []
    assert taken_off == 13
    assert settings
    assert len(settings.guardrails) == 2
    assert settings.known.trails["audit"].organization
    assert (len(settings.exemptions), len(settings.channels), len(settings.accounts)) == (1, 1, 1)


@pytest.mark.parametrize("name", ["snapback.yaml", "whole"])
def test_the_functions_read_back_what_was_packaged(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(written(tmp_path, WHOLE) if name == "whole" else ROOT / name)
    (tmp_path / "settings.json").write_bytes(to_json(settings))
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "settings.json"))
    assert load_settings() == settings
    for_people = to_json(settings).replace(b',"trouble":""', b"").replace(b',"stack":""', b"")
    assert read_settings(written(tmp_path, for_people)) == settings


def test_the_stack_is_the_deployments_to_tell_and_not_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadSettings, match="unknown key 'stack' in known"):
        read_settings(written(tmp_path, "known: {stack: x}"))
    (tmp_path / "settings.json").write_bytes(b'{"known": {"stack": "x"}}')
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "settings.json"))
    assert not load_settings().known.stack
    monkeypatch.setenv(STACK_VARIABLE, "arn:aws:cloudformation:us-east-1:123456789012:stack/snapback/1")
    assert load_settings().known.stack == "arn:aws:cloudformation:us-east-1:123456789012:stack/snapback/1"


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
            "known:\n  acounts: []",
            f"2: unknown key 'acounts' in known, did you mean 'accounts'?; allowed: {IN_KNOWN}",
        ),
        (
            "trouble: on purpose",
            f"1: unknown key 'trouble' in the file; allowed: {AT_TOP}",
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
            "3: env=dev turns nothing off, since 'env' is not among trusted_tags",
        ),
        ("trusted_tags: ['aws:x']", "1: trusted_tags[0] is 'aws:x'; allowed: a tag's key, which doesn't begin with aws:"),
        ("mode: ask\nmode: fix", "2: mode is there twice, first in line 1; allowed: once"),
        (
            f"guardrails:\n  {ID}: ask\n  {ID}: fix",
            f"3: guardrails.{ID} is there twice, first in line 2; allowed: once",
        ),
        ("mode: 'alert", "1: is no YAML: found unexpected end of stream"),
        ("a: b: c", "1: is no YAML: mapping values are not allowed here"),
        ("mode: alert\n---\nmode: fix", "2: is no YAML: but found another document"),
        ("- alert", f"1: the file has a list; allowed: the keys {AT_TOP}"),
        ("mode: !!python/object:os.system fix", "1: mode has the tag 'tag:yaml.org,2002:python/object:os.system'; allowed: YAML without tags of its own"),
        ("mode: !fix fix", "1: mode has the tag '!fix'; allowed: YAML without tags of its own"),
        ("[a]: b", "1: a key of the file is no text; allowed: text"),
        ("undo_exemption_days: 0", "1: undo_exemption_days is '0'; allowed: a whole number from 1 to 365"),
        ("undo_exemption_days: '7'", "1: undo_exemption_days is '7'; allowed: a whole number from 1 to 365"),
        ("known:\n  admin_ports: [22, 70000]", "2: known.admin_ports[1] is '70000'; allowed: a whole number from 0 to 65535"),
        ("known:\n  cidrs:\n    - 10.0.0.1/8", "3: '10.0.0.1/8' is no range of addresses; allowed: as 203.0.113.0/24 or 2001:db8::/32"),
        ("known: {trails: {audit: {bucket: b, organization: maybe}}}", "1: known.trails.audit.organization is 'maybe'; allowed: true, false"),
        ("known: {trails: {audit: {}}}", "1: known.trails.audit lacks 'bucket'; allowed: text"),
        ("known: {trails: {audit: }}", "1: known.trails.audit has nothing; allowed: the keys bucket, prefix, kms_key, organization"),
        ("channels: [{name: a, type: irc, url: 'ssm:/a'}]", "1: channels[0].type is 'irc'; allowed: slack, webhook"),
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
            "2: 's9.*' is no guardrail; allowed: an id that `snapback catalog` lists, or a glob of some",
        ),
        (
            "exemptions:\n- {guardrail: s3.*, reason: because, owner: team, expires: 2026-11-22}",
            "2: the exemption expired on 2026-11-22 and counts no more",
        ),
        (
            "exemptions:\n- {guardrail: '*', reason: because, owner: team, expires: 2026-11-23}",
            "2: the exemption covers everything, so nothing is ever told",
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
    path = written(tmp_path, "channels: [{name: a, type: slack, url: 'https://hooks.example.com/T0/B0/key'}]")
    assert read_settings(path, warn=lambda problem: warned.append(str(problem))).channels[0].name == "a"
    assert warned == [f"{path}:1: the address of channel 'a' is a secret; keep it in ssm:/path or secretsmanager:name"]


def test_an_address_is_never_repeated_in_an_error(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, "channels: [{name: a, type: slack, url: hooks.example.com/T0/B0/key}]")
    assert told == "1: channels[0].url is something else; allowed: https://…, ssm:/path or secretsmanager:name"


def test_two_channels_of_one_name_are_told(tmp_path: Path) -> None:
    text = "channels:\n- {name: a, type: webhook, url: 'ssm:/a'}\n- {name: a, type: webhook, url: 'ssm:/b'}\n"
    assert problems(tmp_path, text)[0] == "2: two channels are called 'a'; allowed: each name once"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"mode: \x00", "is no YAML: special characters are not allowed"),
        (b"[" * 1200, "is nested too deep"),
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
    with pytest.raises(BadSettings, match=r"nowhere\.yaml: can't be read: No such file or directory"):
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
            st.sampled_from([*Settings.__struct_fields__, *Known.__struct_fields__, *Exemption.__struct_fields__, ID]),
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
