"""Replays, events handled for real, and the demo, as an operator runs them."""

from __future__ import annotations

import csv
import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from snapback.replay.replay import STORY
from snapback.replay.summary import MOST, commonest
from snapback.report.noise import LOUD
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import complaint, objects, public, run, unwrapped
from tests.support.events import alice, cloudtrail_event

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")


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
        assert "s3.bucket_acl_made_public · 123456789012 · us-east-1 · PutBucketAcl by alice · record " in shown
        assert "calls 2 re-enacted, 0 not possible" in shown
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
        assert "would overwrite what is read" in complaint("replay", path, "--json", path)
        assert path.read_text() == before
        assert "can't write" in complaint("replay", path, "--json", tmp_path / "no" / "folder")

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
        event = cloudtrail_event("iam", "PutUserPolicy", {"userName": "bob"})
        shown = unwrapped(run("replay", story(tmp_path, event), "--mode", "fix", code=1))
        assert "1 not possible" in shown
        assert "because iam:PutUserPolicy: the record leaves out PolicyName, PolicyDocument" in shown
        assert "iam.inline_policy_escalates: PutUserPolicy at 10:00:00 could not be re-enacted" in shown

    def test_bad_files_among_good_ones_are_skipped_and_counted(self, tmp_path: Path) -> None:
        path = story(tmp_path)
        for number in range(7):
            (tmp_path / f"policy{number}.json").write_text('{"Version": "2012-10-17"}')
        result = run("replay", tmp_path, "--mode", "fix")
        assert "fixed" in result.stdout
        assert result.stderr.count("skipped: ") == 5
        assert "skipped 7 parts of the input in all" in result.stderr
        assert "policy0.json: holds JSON" in complaint("replay", tmp_path, "--strict")
        path.unlink()
        nothing = run("replay", tmp_path, "--all", code=2).stderr
        assert "6 other parts of the input hold no events either (--all lists them)" in " ".join(nothing.split())
        assert all(f"policy{number}.json: holds JSON" in nothing for number in range(7))

    def test_filters_leave_out_and_say_how_many(self, tmp_path: Path) -> None:
        path = story(tmp_path)
        shown = unwrapped(run("replay", path, "--since", "2026-11-23T10:00:00Z", "--mode", "fix"))
        assert "left out 1 of 2 events read: 1 before --since" in shown
        assert "CreateBucket" not in shown
        assert "1 of another service" in unwrapped(
            run("replay", path, "--service", "iam", "--until", "2026-11-23T10:00:00Z")
        )
        assert "not a time" in complaint("replay", path, "--since", "yesterday")
        assert "--guardrail s3.nope: no guardrail matches" in complaint("replay", path, "--guardrail", "s3.nope")

    def test_only_the_guardrail_that_is_asked_for_is_shown(self, tmp_path: Path) -> None:
        shown = unwrapped(run("replay", story(tmp_path), "--mode", "fix", "--guardrail", "s3.bucket_acl_*"))
        assert "s3.bucket_acl_made_public" in shown
        assert "s3.bucket_allows_plain_http" not in shown

    def test_a_full_disk_is_one_line(self, tmp_path: Path) -> None:
        result = run("replay", story(tmp_path), "--mode", "fix", "--json", "/dev/full", code=2)
        assert "No space left on device" in result.stderr
        assert "Traceback" not in result.stderr

    def test_many_findings_are_counted_and_the_loud_get_a_mode_and_an_exemption(self, tmp_path: Path) -> None:
        opened = [
            cloudtrail_event(
                "s3",
                "CreateBucket",
                {
                    "bucketName": f"data-{number}",
                    "x-amz-acl": ["public-read"],
                    "x-amz-object-ownership": "ObjectWriter",
                },
                userAgent="APN/1.0 HashiCorp/1.0 Terraform/1.9.0",
            )
            for number in range(LOUD)
        ]
        command = ("replay", story(tmp_path, *opened), "--guardrail", acl.ID)
        shown = run(*command, "--all", code=1).stdout
        words = " ".join(shown.split())
        assert f"by guardrail {acl.ID} ({LOUD + 1} times)" in words
        assert f"by severity critical ({LOUD + 1} times)" in words
        assert "by tool Terraform" in words
        assert f"{acl.ID}: {LOUD + 1} findings; suggested mode alert" in words
        (tmp_path / "quiet.yaml").write_text(textwrap.dedent(f"          {shown.partition('quiet with')[2].lstrip()}"))
        assert (
            "alerted"
            not in run("replay", tmp_path / "events.jsonl", "--settings", tmp_path / "quiet.yaml", *command[2:]).stdout
        )

    def test_what_is_left_out_of_a_list_is_named_with_the_way_to_see_it(self) -> None:
        words = [f"kind {number}" for number in range(MOST + 2)]
        assert "and 2 more kinds; --all lists them" in str(commonest(words, MOST))
        assert str(commonest(words, None)).splitlines() == words

    def test_all_cores_read_and_each_record_is_in_the_report(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("snapback.replay.logs.WORTH_WORKERS", 0)
        monkeypatch.setattr("os.cpu_count", lambda: 2)
        folder = tmp_path / "log"
        folder.mkdir()
        for name in ("a", "b", "c"):
            parameters = {
                "bucketName": name * 5,
                "x-amz-acl": ["public-read"],
                "x-amz-object-ownership": "ObjectWriter",
            }
            event = cloudtrail_event("s3", "CreateBucket", parameters)
            (folder / f"{name}.jsonl").write_text(json.dumps(event))
        run("replay", folder, "--guardrail", acl.ID, "--html", tmp_path / "r.html", "--csv", tmp_path / "r.csv", code=1)
        found = list(csv.DictReader((tmp_path / "r.csv").read_text().splitlines()))
        assert {each["resource"].rpartition(":")[2] for each in found} == {"aaaaa", "bbbbb", "ccccc"}
        assert (tmp_path / "r.html").exists()

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
        assert "there is no such file" in complaint("replay", story(tmp_path), "--settings", "nowhere.yaml")
        assert "'nope' is not one of" in complaint("replay", story(tmp_path), "--mode", "nope")


class TestCompare:
    @pytest.fixture
    def files(self, tmp_path: Path) -> tuple[Path, Path, Path]:
        """A log, and settings that fix, and that alert and leave out one guardrail."""
        for name, text in (("a", "mode: fix"), ("b", f"mode: alert\nguardrails: {{{acl.ID}: off}}")):
            (tmp_path / f"{name}.yaml").write_text(text)
        return story(tmp_path), tmp_path / "a.yaml", tmp_path / "b.yaml"

    def test_what_is_lost_is_exit_1_and_what_is_gained_is_fine(self, files: tuple[Path, Path, Path]) -> None:
        path, a, b = files
        lost = unwrapped(run("replay", path, "--compare", a, b, code=1))
        assert "10:00:00 lost app-logs" in lost
        assert "fixed → off" in lost
        assert f"findings lost {acl.ID}" in lost
        assert "findings gained 0" in lost
        gained = unwrapped(run("replay", path, "--compare", b, a))
        assert f"findings gained {acl.ID}" in gained
        assert "findings lost 0 fixes gained " in gained
        assert gained.endswith("fixes lost 0")

    def test_a_finding_that_stays_may_lose_its_fix(self, files: tuple[Path, Path, Path]) -> None:
        path, a, b = files
        b.write_text("mode: alert")
        shown = unwrapped(run("replay", path, "--compare", a, b, code=1))
        assert "fix lost app-logs" in shown
        assert "findings lost 0" in shown

    def test_json_is_an_object_a_difference(self, files: tuple[Path, Path, Path]) -> None:
        path, a, b = files
        found = {each["guardrail"]: each for each in objects(run("replay", path, "--compare", a, b, "--json", code=1))}
        assert found[acl.ID].items() >= {"before": "fixed", "after": "off", "finding": "lost", "fix": "lost"}.items()
        assert found[acl.ID].items() >= {"name": "PutBucketAcl", "actor": "alice"}.items()

    def test_equal_settings_differ_in_nothing(self, files: tuple[Path, Path, Path]) -> None:
        assert objects(run("replay", STORY, "--compare", files[1], files[1], "--json")) == []

    def test_it_writes_no_report_and_takes_no_third_settings(self, files: tuple[Path, Path, Path]) -> None:
        path, a, b = files
        assert "writes no report" in complaint("replay", path, "--compare", a, b, "--html", "r.html")
        assert "leave out --settings" in complaint("replay", path, "--compare", a, b, "--settings", path)


class TestQuery:
    def test_the_sql_selects_the_calls_that_rules_hear(self) -> None:
        athena = run("query", "athena", "--from", "logs.cloudtrail", "--since", "2026-11-01").stdout
        assert "FROM logs.cloudtrail" in athena
        assert "'PutBucketAcl'" in athena
        assert "AND eventTime >= '2026-11-01T00:00:00Z'" in athena
        lake = run("query", "lake", "--from", "0a1b2c3d-1111-2222-3333-444455556666", "--until", "2026-11-02").stdout
        assert lake.startswith("SELECT eventJson\n")
        assert "AND eventTime < '2026-11-02 00:00:00'" in lake

    def test_a_source_is_a_name_and_nothing_else(self) -> None:
        assert "is no name of a table" in complaint("query", "athena", "--from", "x; DROP TABLE y")
        assert "not a time" in complaint("query", "lake", "--from", "x", "--since", "soon")


class TestHandle:
    def test_it_fixes_for_real_and_the_record_can_be_undone(self, world: World, tmp_path: Path) -> None:
        world.application()
        acl.canned("public-read")(world)
        shown = unwrapped(run("handle", story(tmp_path), "--mode", "fix"))
        assert "fixed app-logs" in shown
        assert "re-enacted" not in shown
        assert not public(world)
        records = {record.guardrail: record.id for record in world.records()}
        assert "turn BlockPublicAcls off first" in complaint("undo", records[acl.ID], code=1)
        run("undo", records["s3.bucket_public_access_block_weakened"])
        run("undo", records[acl.ID])
        assert public(world)

    def test_json_goes_to_stdout_and_nothing_beside_it(self, world: World, tmp_path: Path) -> None:
        world.application()
        acl.canned("public-read")(world)
        describe_error = objects(run("handle", story(tmp_path), "--json", code=1))
        assert [each["name"] for each in describe_error] == ["CreateBucket", "PutBucketAcl"]
        assert public(world), "mode alert only tells"

    def test_without_a_ledger_it_says_how_to_make_one(self, world: World, tmp_path: Path) -> None:
        acl.canned("public-read")(world)
        assert "--create-ledger creates it" in complaint("handle", story(tmp_path), "--mode", "fix")
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
    assert "exempt for 7 days" in shown
    assert "exempt app-logs" in shown.partition("status undone")[2]
