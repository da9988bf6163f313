"""Each command as an operator runs it, each mistake they can make, each exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.core.types import Status
from snapback import errors
from snapback.commands import options
from tests.snapback.command import ROOT, complaint, objects, public, run, unwrapped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")


class TestRecords:
    def test_the_latest_are_listed(self, fixed: str) -> None:
        shown = unwrapped(run("records"))
        assert fixed in shown
        assert "app-logs its ACL grants READ to AllUsers" in shown
        assert "PutBucketAcl by alice" in shown

    def test_by_status(self, fixed: str) -> None:
        assert fixed in run("records", "--status", "fixed", "--status", "failed").stdout
        assert run("records", "--status", "failed").stdout == "No records with status failed.\n"
        assert objects(run("records", "--status", "failed", "--json")) == []

    @pytest.mark.parametrize("bucket", ["spill", ""])
    def test_one_whose_states_are_lost_in_the_overflow_bucket_is_one_line_and_the_others_are_listed(
        self, world: World, fixed: str, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.client("s3").create_bucket(Bucket="spill")
        monkeypatch.setenv(SPILL_VARIABLE, bucket)
        table = world.client("dynamodb")
        item = table.get_item(TableName="snapback-ledger", Key={"pk": {"S": f"record#{fixed}"}})["Item"]
        lost = f"s3.{'0' * 16}"
        spilt = {"spilt": {"S": f"records/{lost}/{'0' * 64}.json"}}
        table.put_item(
            TableName="snapback-ledger",
            Item={**item, "pk": {"S": f"record#{lost}"}, "id": {"S": lost}, **spilt},
        )
        listed = run("records", code=errors.BAD)
        assert fixed in listed.stdout
        assert lost not in listed.stdout
        (line,) = listed.stderr.splitlines()
        assert line.startswith("snapback: left out: ")
        assert lost in line
        (shown,) = run("show", lost, code=errors.BAD).stderr.splitlines()
        assert lost in shown
        assert ("NoSuchKey" if bucket else SPILL_VARIABLE) in shown

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
        assert "The latest 2 of 4; --limit 4 shows all." in shown
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
        assert "may contain secrets" in result.stderr
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
        assert world.record(fixed).history[-1].by == "arn:aws:sts::123456789012:user/moto (carol)"

    def test_the_settings_say_for_how_long_it_is_let_be(self, world: World, fixed: str, tmp_path: Path) -> None:
        (tmp_path / "snapback.yaml").write_text("undo_exemption_days: 3")
        assert "exempt for 3 days" in unwrapped(run("undo", fixed))

    def test_drift_is_refused_with_what_changed_and_forced_on_demand(self, world: World, fixed: str) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        with world.denied("LookupEvents"):
            said = complaint("undo", fixed, code=1)
        assert "was changed after Snapback's last write" in said
        assert "--force" in said
        assert "AuthenticatedUsers" in said
        assert said.count("snapback: ") == 0, "one line, and then the difference"
        assert run("undo", fixed, "--force").exit_code == 0
        assert public(world)

    def test_twice_is_refused(self, fixed: str) -> None:
        run("undo", fixed)
        assert complaint("undo", fixed, code=1) == f"record {fixed} is undone; it has no fix to undo"

    def test_a_write_that_aws_denies_is_told(self, world: World, fixed: str) -> None:
        with world.denied("PutBucketAcl"):
            assert "AccessDenied" in complaint("undo", fixed, code=1)
        assert world.record(fixed).status == "failed"


class TestApprove:
    def test_it_does_what_was_asked(self, world: World, asking: str) -> None:
        assert public(world)
        assert "fixed" in run("approve", asking, "--by", "carol").stdout
        assert not public(world)
        assert world.record(asking).history[-1].by == "arn:aws:sts::123456789012:user/moto (carol)"

    def test_what_does_not_ask_is_refused(self, fixed: str) -> None:
        assert "only a record that is asking" in complaint("approve", fixed, code=1)

    def test_what_changed_since_asks_anew(self, world: World, asking: str) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        assert "changed since Snapback asked" in complaint("approve", asking, code=1)

    def test_what_is_deleted_by_now_is_told_without_a_change(self, world: World, asking: str) -> None:
        world.client("s3").delete_bucket(Bucket="app-logs")
        done = unwrapped(run("fix", asking))
        assert "the resource no longer exists; nothing is left to fix" in done
        assert "AllUsers" not in done.split("nothing is left to fix")[1]

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
        assert lines[2] == "snapback: snapback.yaml: 2 errors; no command uses this file until they are fixed"
        describe_error = objects(run("settings", "check", "--json", code=2))
        assert [(each["line"], each["warning"]) for each in describe_error] == [(1, False), (2, False)]

    def test_a_warning_is_no_error(self, tmp_path: Path) -> None:
        line = f"exemptions: [{{guardrail: s3.*, reason: because, owner: team, expires: {date(2020, 1, 1)}}}]"
        (tmp_path / "snapback.yaml").write_text(line)
        result = run("settings", "check")
        assert result.stderr == "snapback.yaml:1: the exemption expired on 2020-01-01 and has no effect (a warning)\n"
        assert "1 exemptions" in result.stdout

    def test_no_file_is_told(self) -> None:
        said = run("settings", "check", "nowhere.yaml", code=2).stderr
        assert said == "nowhere.yaml: there is no such file; name your settings file\n"

    def test_problems_of_all_kinds_are_told_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "snapback.yaml").write_text(
            "mode: fixx\n"
            "guardrails: {s3.nope: fix}\n"
            "exemptions:\n- {guardrail: x.*, reason: because, owner: team, expires: 2020-01-01}\n- {guardrail: s3.*}\n"
            "allow: {cidrs: [nonsense]}\n"
            "channels:\n- {name: a, type: slack}\n- {name: b, type: slack, url: ssm:/snapback/b, fallback: nowhere}\n"
            "asking: {remind_hours: 99}\n"
        )
        said = run("settings", "check", code=2).stderr
        for part in (
            "mode is 'fixx'",
            "'s3.nope'",
            "'x.*'",
            "lacks 'reason'",
            "expired",
            "'nonsense'",
            "lacks 'url'",
            "'nowhere'",
            "remind_hours",
        ):
            assert part in said

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "No guardrail may change anything: all"),
            ("mode: fix", "guardrails may now change resources without asking, and"),
            ("guardrails: {s3.bucket_acl_made_public: fix}", "1 of"),
            ("guardrails: {s3.bucket_acl_made_public: {mode: alert, accounts: {'210987654321': ask}}}", "0 of"),
        ],
    )
    def test_how_many_guardrails_may_act_is_told_unasked(self, text: str, says: str, tmp_path: Path) -> None:
        (tmp_path / "snapback.yaml").write_text(text)
        assert says in run("settings", "check").stdout

    def test_the_schema_takes_the_shipped_file_and_refuses_a_wrong_mode(self) -> None:
        schema = json.loads(run("settings", "schema").stdout)
        jsonschema.Draft202012Validator.check_schema(schema)
        check = jsonschema.Draft202012Validator(schema)
        check.validate(yaml.safe_load((ROOT / "snapback.yaml").read_text()))
        assert not check.is_valid({"mode": "fixx"})
        assert not check.is_valid({"stack": "x"})
        assert "beside" in str(schema["$defs"]["Settings"]["properties"]["account_names"]["description"])

    def test_bad_settings_stop_every_command_that_reads_them(self, fixed: str, tmp_path: Path) -> None:
        bad = tmp_path / "bad.yaml"
        bad.write_text("mode: 'fix")
        for command in ("undo", "approve"):
            assert complaint(command, fixed, "--settings", bad).startswith(f"{bad}:1: is not valid YAML")


def test_help_loads_nothing_heavy() -> None:
    heavy = ["boto3", "botocore", "moto", "chalice", "rich", "yaml", "msgspec", "chalicelib.wiring"]
    code = f"import sys, snapback.cli; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[]\n"


def test_the_words_are_those_of_the_core() -> None:
    from chalicelib.core.types import Mode

    assert tuple(Mode) == options.MODES
    assert tuple(Status) == options.STATUSES
