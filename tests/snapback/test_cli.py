"""Each command as an operator runs it, each mistake they can make, each exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore import exceptions as aws
from click.testing import CliRunner
from moto import mock_aws

from chalicelib.aws.ledger import NoLedger
from chalicelib.core.errors import CannotAct, FixFailed
from chalicelib.core.errors import Refused as Busy
from chalicelib.core.types import Status
from snapback import cli, errors
from snapback.commands import options, records
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.support.events import alice, cloudtrail_event

if TYPE_CHECKING:
    from click.testing import Result

    from tests.support.world import World

ROOT = Path(__file__).parents[2]


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(cli.main, [str(argument) for argument in arguments], prog_name="snapback")
    assert result.exit_code == code, result.output
    assert code == errors.FAULT or "Traceback" not in result.output
    return result


def complaint(*arguments: object, code: int = 2) -> str:
    """What stderr says; nothing may be on stdout."""
    result = run(*arguments, code=code)
    assert result.stdout == ""
    assert result.stderr.startswith("snapback: ")
    return result.stderr.removeprefix("snapback: ").rstrip("\n")


def unwrapped(result: Result) -> str:
    return " ".join(result.stdout.split())


def objects(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fixed(world: World) -> str:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID)
    assert outcome.status == "fixed"
    return outcome.record


@pytest.fixture
def asking(world: World) -> str:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID, "ask")
    return outcome.record


def public(world: World) -> bool:
    return "AllUsers" in str(world.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"])


class TestCatalog:
    def test_all_of_it_and_one(self) -> None:
        assert f"{acl.ID}\n" in run("catalog").stdout
        one = run("catalog", acl.ID).stdout
        assert "reads     s3:GetBucketAcl" in one
        assert "can be undone" in one
        assert run("catalog", "s3.*").stdout.startswith("s3.")

    def test_as_json_each_has_all_the_fields(self) -> None:
        (one,) = objects(run("catalog", acl.ID, "--json"))
        assert one["id"] == acl.ID
        assert one["service"] == "s3"
        assert one["writes"] == ["s3:PutBucketAcl"]
        assert one["reversible"] is True
        assert "PutBucketAcl" in one["events"]
        kinds = {each["kind"] for each in objects(run("catalog", "--json"))}
        assert kinds == {"guardrail", "tripwire"}

    def test_an_unknown_one_is_bad_input(self) -> None:
        assert complaint("catalog", "s3.nope") == "no guardrail is called 's3.nope'; `snapback catalog` lists them"


class TestRecords:
    def test_the_latest_are_listed(self, fixed: str) -> None:
        shown = unwrapped(run("records"))
        assert fixed in shown
        assert "app-logs its ACL grants READ to AllUsers" in shown
        assert "PutBucketAcl by alice" in shown

    def test_by_status(self, fixed: str) -> None:
        assert fixed in run("records", "--status", "fixed", "--status", "failed").stdout
        assert run("records", "--status", "failed").stdout == "No record is failed.\n"
        assert objects(run("records", "--status", "failed", "--json")) == []

    def test_json_has_the_changes_and_no_states(self, fixed: str) -> None:
        (one,) = objects(run("records", "--json"))
        assert one["id"] == fixed
        assert any("AllUsers" in line for line in one["changes"])
        assert "before" not in one

    def test_more_than_the_limit_is_said(self, world: World, fixed: str) -> None:
        ledger = world.application().ledger
        found = ledger.get(fixed)
        assert found
        for number in range(3):
            other = replace(
                found, id=f"{number:016x}", arn=f"arn:aws:s3:::b{number}", status=Status.ALERTED, history=()
            )
            ledger.open(
                other.stepped(Status.ALERTED, datetime(2026, 11, 23, 11, number, tzinfo=UTC), "snapback"),
                world.clock,
                world.settings.limits,
            )
        shown = run("records", "--limit", 2).stdout
        assert "The latest 2; --limit 8 shows more." in shown
        assert "b2" in shown
        assert "b0" not in shown

    def test_an_empty_ledger_says_so(self, world: World) -> None:
        world.application()
        assert run("records").stdout == "No records: nothing unsafe was found.\n"

    def test_a_wrong_status_is_a_usage_error(self) -> None:
        assert "'nope' is not one of 'alerted'" in complaint("records", "--status", "nope")


class TestShow:
    def test_it_tells_the_whole_story(self, fixed: str) -> None:
        shown = run("show", fixed).stdout
        for part in (
            "S3 bucket ACL open to everyone",
            "before → after",
            "AllUsers",
            "history",
            "by snapback",
            "198.51.100.7",
        ):
            assert part in shown
        assert '"grants"' not in shown

    def test_full_states_come_with_a_warning(self, fixed: str) -> None:
        result = run("show", fixed, "--full")
        assert '"grants"' in result.stdout
        assert "may hold secrets" in result.stderr
        (one,) = objects(run("show", fixed, "--full", "--json"))
        assert one["before"]["grants"]

    def test_an_unknown_record_is_bad_input(self, fixed: str) -> None:
        for command in ("show", "undo", "approve"):
            assert complaint(command, "nope") == "no record 'nope' in the ledger; `snapback records` lists them"


class TestUndo:
    def test_it_puts_back_what_was_there_and_says_who(self, world: World, fixed: str) -> None:
        assert not public(world)
        shown = run("undo", fixed).stdout
        assert public(world)
        assert "undone" in shown
        assert "+ " in shown
        assert "AllUsers" in shown
        assert world.record(fixed).history[-1].by == "arn:aws:sts::123456789012:user/moto"

    def test_by_name_and_as_json(self, world: World, fixed: str) -> None:
        (one,) = objects(run("undo", fixed, "--by", "carol", "--json"))
        assert one["status"] == "undone"
        assert world.record(fixed).history[-1].by == "carol"

    def test_the_settings_say_for_how_long_it_is_let_be(self, world: World, fixed: str, tmp_path: Path) -> None:
        (tmp_path / "snapback.yaml").write_text("undo_exemption_days: 3")
        assert "let be for 3 days" in unwrapped(run("undo", fixed))

    def test_drift_is_refused_with_what_changed_and_forced_on_demand(self, world: World, fixed: str) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        with world.denied("LookupEvents"):
            said = complaint("undo", fixed, code=1)
        assert "changed since we left it" in said
        assert "--force" in said
        assert "AuthenticatedUsers" in said
        assert said.count("snapback: ") == 0, "one line, and then the difference"
        assert run("undo", fixed, "--force").exit_code == 0
        assert public(world)

    def test_twice_is_refused(self, fixed: str) -> None:
        run("undo", fixed)
        assert complaint("undo", fixed, code=1) == f"record {fixed} is undone: only one that is fixed can be undone"

    def test_a_write_that_aws_denies_is_told(self, world: World, fixed: str) -> None:
        with world.denied("PutBucketAcl"):
            assert "AccessDenied" in complaint("undo", fixed, code=1)
        assert world.record(fixed).status == "failed"


class TestApprove:
    def test_it_does_what_was_asked(self, world: World, asking: str) -> None:
        assert public(world)
        assert "fixed" in run("approve", asking, "--by", "carol").stdout
        assert not public(world)
        assert world.record(asking).history[-1].by == "carol"

    def test_what_does_not_ask_is_refused(self, fixed: str) -> None:
        assert "only one that is asking" in complaint("approve", fixed, code=1)

    def test_what_changed_since_asks_anew(self, world: World, asking: str) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        assert "changed since it asked" in complaint("approve", asking, code=1)

    def test_what_is_safe_by_now_is_fine(self, world: World, asking: str) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        (one,) = objects(run("approve", asking, "--json"))
        assert one["status"] == "expired"


class TestSettings:
    def test_the_shipped_file_is_fine(self) -> None:
        assert ": fine. Mode alert" in run("settings", "check", ROOT / "snapback.yaml").stdout

    def test_each_problem_is_a_line_that_an_editor_can_jump_to(self, tmp_path: Path) -> None:
        (tmp_path / "snapback.yaml").write_text("mode: fixx\nallows: {}\n")
        lines = run("settings", "check", code=2).stderr.splitlines()
        assert lines[0] == "snapback.yaml:1: mode is 'fixx', did you mean 'fix'?; allowed: off, alert, ask, fix"
        assert lines[1].startswith("snapback.yaml:2: unknown key 'allows' in the file, did you mean 'allow'?")
        assert lines[2] == "snapback: snapback.yaml can't be used as it is"
        describe_error = objects(run("settings", "check", "--json", code=2))
        assert [(each["line"], each["warning"]) for each in describe_error] == [(1, False), (2, False)]

    def test_a_warning_is_no_error(self, tmp_path: Path) -> None:
        line = f"exemptions: [{{guardrail: s3.*, reason: because, owner: team, expires: {date(2020, 1, 1)}}}]"
        (tmp_path / "snapback.yaml").write_text(line)
        result = run("settings", "check")
        assert result.stderr == "snapback.yaml:1: the exemption expired on 2020-01-01 and counts no more (a warning)\n"
        assert "1 exemptions" in result.stdout

    def test_no_file_is_told(self) -> None:
        assert "nowhere.yaml: can't be read: No such file" in run("settings", "check", "nowhere.yaml", code=2).stderr

    def test_bad_settings_stop_every_command_that_reads_them(self, fixed: str, tmp_path: Path) -> None:
        bad = tmp_path / "bad.yaml"
        bad.write_text("mode: 'fix")
        for command in ("undo", "approve"):
            assert complaint(command, fixed, "--settings", bad).startswith(f"{bad}:1: is no YAML")


def story(folder: Path, *envelopes: Any) -> Path:
    """A bucket is made, and opened to everyone."""
    parameters = {"bucketName": "app-logs", "Host": "s3.amazonaws.com", "x-amz-object-ownership": "ObjectWriter"}
    made = cloudtrail_event("s3", "CreateBucket", parameters, eventTime="2026-11-23T09:59:00Z")
    opened = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs", "x-amz-acl": ["public-read"]})
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (made, opened, *envelopes)))
    return path


class TestReplay:
    def test_the_timeline_tells_who_did_what_and_what_became_of_it(self, tmp_path: Path) -> None:
        shown = unwrapped(run("replay", story(tmp_path), "--mode", "fix"))
        assert "2026-11-23 (UTC)" in shown
        assert "10:00:00 fixed app-logs: its ACL grants READ to AllUsers" in shown
        assert "s3.bucket_acl_made_public · PutBucketAcl by alice · record " in shown
        assert "calls 2 re-enacted, 0 could not be" in shown
        assert "messages 2 would have been sent: CRITICAL · fixed: S3 bucket ACL open to everyone" in shown

    def test_what_is_left_unsafe_is_exit_1(self, tmp_path: Path) -> None:
        shown = unwrapped(run("replay", story(tmp_path), code=1))
        assert "10:00:00 alerted app-logs" in shown
        assert "asking app-logs" in unwrapped(run("replay", story(tmp_path), "--mode", "ask", code=1))

    def test_json_is_an_object_an_event_and_nothing_else_on_stdout(self, tmp_path: Path) -> None:
        path = story(tmp_path)
        made, opened = objects(run("replay", path, "--mode", "fix", "--json", "-"))
        assert (made["name"], opened["name"]) == ("CreateBucket", "PutBucketAcl")
        assert "fixed" in [outcome["status"] for outcome in opened["outcomes"]]
        out = tmp_path / "out.jsonl"
        assert "fixed" in run("replay", path, "--mode", "fix", "--json", out).stdout
        assert [json.loads(line)["name"] for line in out.read_text().splitlines()] == ["CreateBucket", "PutBucketAcl"]

    def test_it_never_writes_over_what_it_reads(self, tmp_path: Path) -> None:
        path = story(tmp_path)
        before = path.read_text()
        assert "is one of the files to read" in complaint("replay", path, "--json", path)
        assert path.read_text() == before
        assert "can't be written" in complaint("replay", path, "--json", tmp_path / "no" / "folder")

    def test_all_shows_what_no_guardrail_asks_too(self, tmp_path: Path) -> None:
        event = cloudtrail_event("sqs", "CreateQueue", {"queueName": "jobs"})
        odd = cloudtrail_event("sqs", "CreateQueue", {"queueName": "jobs"}, account="12")
        path = story(tmp_path, event, odd)
        assert "CreateQueue by alice" not in unwrapped(run("replay", path, "--mode", "fix"))
        shown = unwrapped(run("replay", path, "--mode", "fix", "--all"))
        assert "unmatched CreateQueue by alice" in shown
        assert "refused CreateQueue by alice" in shown
        assert "refused account is not 12 digits" in shown

    def test_what_could_not_be_re_enacted_is_told_with_the_reason(self, tmp_path: Path) -> None:
        event = cloudtrail_event("example", "DoSomething", {"a": 1})
        shown = unwrapped(run("replay", story(tmp_path, event), "--mode", "fix"))
        assert "1 could not be" in shown
        assert "because example:DoSomething: " in shown

    def test_the_settings_count(self, tmp_path: Path) -> None:
        (tmp_path / "my.yaml").write_text("mode: off")
        shown = unwrapped(run("replay", story(tmp_path), "--settings", tmp_path / "my.yaml"))
        assert "off" in shown
        assert "alerted" not in shown

    @pytest.mark.parametrize("width", [80, 120])
    def test_hostile_names_have_no_teeth_and_lines_fit(
        self, tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(width))
        actor = alice() | {"arn": "arn:aws:iam::123456789012:user/\x1b[31m[bold]eve\u202e"}
        event = cloudtrail_event("organizations", "LeaveOrganization", actor=actor, userAgent="\x1b]0;x\x07")
        shown = run("replay", story(tmp_path, event), "--all", code=1).stdout
        assert r"\x1b[31m[bold]eve\u202e" in "".join(shown.split())
        assert shown.replace("\n", "").isprintable()
        assert max(map(len, shown.splitlines())) <= width

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "is empty"),
            (b"{", "not JSON"),
            (b'{"a": 1}', "no CloudTrail records"),
            (b"\x1f\x8b\x00", "gzip"),
            (b'{"Records": 1, "eventless": true}', "no"),
        ],
    )
    def test_bad_files_are_one_line(self, tmp_path: Path, content: bytes, said: str) -> None:
        (tmp_path / "bad.json").write_bytes(content)
        describe_error = complaint("replay", "bad.json")
        assert said in describe_error
        assert describe_error.startswith("bad.json")
        assert "\n" not in describe_error

    def test_missing_files_empty_folders_and_bad_settings_are_one_line(self, tmp_path: Path) -> None:
        assert "there is no such file" in complaint("replay", "nowhere.json")
        (tmp_path / "empty").mkdir()
        assert "no log files in this folder" in complaint("replay", "empty")
        assert "Missing argument" in complaint("replay")
        assert "can't be read" in complaint("replay", story(tmp_path), "--settings", "nowhere.yaml")
        assert "'nope' is not one of" in complaint("replay", story(tmp_path), "--mode", "nope")


class TestHandle:
    def test_it_fixes_for_real_and_the_record_can_be_undone(self, world: World, tmp_path: Path) -> None:
        world.application()
        acl.canned("public-read")(world)
        shown = unwrapped(run("handle", story(tmp_path), "--mode", "fix"))
        assert "fixed app-logs" in shown
        assert "re-enacted" not in shown
        assert not public(world)
        (found,) = [record for record in world.records() if record.guardrail == acl.ID]
        run("undo", found.id)
        assert public(world)

    def test_json_goes_to_stdout_and_nothing_beside_it(self, world: World, tmp_path: Path) -> None:
        world.application()
        acl.canned("public-read")(world)
        describe_error = objects(run("handle", story(tmp_path), "--json", code=1))
        assert [each["name"] for each in describe_error] == ["CreateBucket", "PutBucketAcl"]
        assert public(world), "mode alert only tells"

    def test_without_a_ledger_it_says_how_to_make_one(self, world: World, tmp_path: Path) -> None:
        acl.canned("public-read")(world)
        assert "--create-ledger makes it" in complaint("handle", story(tmp_path), "--mode", "fix")
        assert public(world)
        run("handle", story(tmp_path), "--mode", "fix", "--create-ledger")
        assert not public(world)

    def test_a_denied_write_is_exit_1(self, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("time.sleep", lambda _: None)
        world.application()
        acl.canned("public-read")(world)
        with world.denied("PutBucketAcl"):
            shown = unwrapped(run("handle", story(tmp_path), "--mode", "fix", code=1))
        assert "dead letter" in shown
        assert "AccessDenied" in shown


def test_the_demo_finds_fixes_and_undoes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snapback.replay import replay

    monkeypatch.setattr(replay, "STORY", story(tmp_path))
    shown = unwrapped(run("demo"))
    assert "$ snapback replay snapback/story/events.jsonl --mode fix" in shown
    assert "$ snapback undo " in shown
    assert "status undone" in shown
    assert "let be for 7 days" in shown
    assert "exempt app-logs" in shown.partition("status undone")[2]


class TestTrouble:
    def test_no_ledger(self, world: World) -> None:
        for arguments in (("records",), ("show", "1"), ("undo", "1"), ("approve", "1")):
            assert "there is no ledger: table 'snapback-ledger' does not exist" in complaint(*arguments)

    @pytest.mark.parametrize(
        "error",
        [
            aws.NoCredentialsError(),
            aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
            aws.NoRegionError(),
            aws.ProfileNotFound(profile="prod"),
            aws.EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com"),
            aws.ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com"),
            aws.SSOTokenLoadError(error_msg="no token"),
            aws.UnauthorizedSSOTokenError(),
            *(
                aws.ClientError({"Error": {"Code": code, "Message": "as AWS says"}}, "GetCallerIdentity")
                for code in ("ExpiredToken", "InvalidClientTokenId", "AccessDenied", "ThrottlingException")
            ),
            NoLedger("there is no ledger: make it"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_no_way_to_aws_is_one_line_and_exit_2(self, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any) -> Any:
            raise error

        monkeypatch.setattr(records, "open_application", fails)
        said = complaint("records")
        assert "\n" not in said
        assert len(said) > 20

    def test_nobody_answers_for_real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        for arguments in (("records",), ("undo", "1")):
            assert complaint(*arguments).startswith("AWS can't be reached: Could not connect to the endpoint URL")

    def test_the_region_may_be_named_as_for_the_aws_cli(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        with mock_aws():
            assert complaint("records") == "no AWS region is chosen; set AWS_REGION, as in AWS_REGION=us-east-1"
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            assert "there is no ledger" in complaint("records")
        assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"

    @pytest.mark.parametrize("error", [CannotAct("no"), FixFailed("no"), Busy("busy", "1a2b")])
    def test_a_refused_action_is_one_line_and_exit_1(self, error: Exception) -> None:
        line, code = errors.describe_error(error)
        assert line
        assert code == errors.FOUND

    def test_a_fault_shows_its_traceback_and_exit_3(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any) -> Any:
            raise KeyError("a bug")

        monkeypatch.setattr(records, "open_application", fails)
        assert "KeyError: 'a bug'" in run("records", code=3).stderr
        odd = aws.ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "Query")
        assert errors.describe_error(odd) == ("", errors.FAULT)

    def test_no_credentials_for_real(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("HOME", str(tmp_path))
        said = complaint("records")
        assert said.startswith("no AWS credentials: Unable to locate credentials; ")

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nope",), "No such command 'nope'; see `snapback --help`"),
            (("show",), "Missing argument 'RECORD'; see `snapback show --help`"),
            (("undo", "1", "--frc"), "No such option '--frc'. Did you mean '--force'?; see `snapback undo --help`"),
            (("records", "--limit", "0"), "Invalid value for '--limit': 0 is not in the range x>=1; see `snapback records --help`"),
        ],
    )  # fmt: skip
    def test_usage_errors_are_one_line(self, arguments: tuple[str, ...], said: str) -> None:
        assert complaint(*arguments) == said

    def test_without_a_command_the_help_is_shown(self) -> None:
        assert "Commands:" in run(code=2).stderr
        for command in ("", *cli.main.commands):
            assert "Usage: snapback" in run(*command.split(), "--help").stdout


def test_help_loads_nothing_heavy() -> None:
    heavy = ["boto3", "botocore", "moto", "chalice", "rich", "yaml", "msgspec", "chalicelib.wiring"]
    code = f"import sys, snapback.cli; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[]\n"


def test_the_words_are_those_of_the_core() -> None:
    from chalicelib.core.types import Mode

    assert tuple(Mode) == options.MODES
    assert tuple(Status) == options.STATUSES
