"""`snapback sweep` as a person runs it, on an in-memory AWS."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from chalicelib.aws.ledger import LEASE
from chalicelib.core.outcome import Outcome
from chalicelib.core.types import Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from chalicelib.sweep.places import Place
from snapback import cli, errors, render
from snapback.dlq import parse_dead_letter
from snapback.replay import replay
from snapback.sweep import Finding
from tests.aws.test_ledger_index import earlier
from tests.support.events import HOME, REGION
from tests.support.moto_gaps import BY_RESOURCE_POLICY, deny

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from tests.support.world import World

ACL = "s3.bucket_acl_made_public"


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "quiet", partial(replay.quiet, sleep=lambda _: None))


def bucket(world: World, name: str, acl: str = "public-read") -> None:
    world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    world.client("s3").put_bucket_acl(Bucket=name, ACL=acl)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.main, ["sweep", "--yes", *words])


def ask(*words: str, answer: str = "") -> Result:
    """Without --yes: what a person answers."""
    return CliRunner().invoke(cli.main, ["sweep", *words], input=answer)


def grants(world: World, name: str) -> int:
    return len(world.client("s3").get_bucket_acl(Bucket=name)["Grants"])


def test_without_a_ledger_what_is_found_is_told_and_nothing_else(world: World) -> None:
    bucket(world, "app-one")
    done = run("--guardrail", ACL)
    assert done.exit_code == errors.FOUND
    assert "no ledger, so findings are only reported" in done.output
    assert "app-one: " in done.output
    assert "alerted" in done.output
    assert not world.client("dynamodb").list_tables()["TableNames"]
    assert grants(world, "app-one") == 2


@pytest.mark.parametrize("mode", ["ask", "fix"])
def test_what_needs_a_ledger_says_how_it_is_made(mode: str, world: World) -> None:
    bucket(world, "app-one")
    done = run("--guardrail", ACL, "--mode", mode)
    assert done.exit_code == errors.BAD
    assert "--create-ledger creates it" in done.output
    assert grants(world, "app-one") == 2


def test_a_table_of_an_earlier_version_is_said_in_one_line(world: World) -> None:
    bucket(world, "app-one")
    earlier(world)
    done = run("--guardrail", ACL, "--mode", "fix", "--create-ledger")
    assert done.exit_code == errors.BAD
    (said,) = done.stderr.splitlines()
    assert said == (
        "snapback: table 'snapback-ledger' is of an earlier version without the index 'by-status-shard': deploy the stack"
        " again, which adds the index; if no stack created the table, set SNAPBACK_LEDGER to a new one"
    )
    assert grants(world, "app-one") == 2


def test_settings_that_fix_only_tell_without_a_ledger(world: World, tmp_path: Path) -> None:
    bucket(world, "app-one")
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"mode": "fix", "guardrails": {ACL: {"mode": "fix", "accounts": {HOME: "fix"}}}}))
    done = run("--guardrail", ACL, "--settings", str(file))
    assert done.exit_code == errors.FOUND, done.output
    assert grants(world, "app-one") == 2


def test_it_fixes_and_a_second_run_finds_nothing_more_to_do(world: World, tmp_path: Path) -> None:
    bucket(world, "app-one")
    bucket(world, "app-two", "private")
    out = tmp_path / "found.jsonl"
    done = run("--service", "s3", "--guardrail", "*acl*", "--mode", "fix", "--create-ledger", "--json", str(out))
    assert done.exit_code == errors.FINE, done.output
    (found,) = [json.loads(line) for line in out.read_text().splitlines()]
    wanted = {"account": HOME, "region": REGION, "kind": "s3.Bucket", "severity": "critical", "guardrail": ACL}
    assert found.items() >= {**wanted, "status": "fixed", "missed_by_events": False}.items()
    again = run("--guardrail", ACL, "--mode", "fix")
    assert again.exit_code == errors.FINE
    assert "2 compliant" in again.output
    assert len(world.records()) == 1


def test_what_was_told_before_is_left_unsafe_still(world: World) -> None:
    bucket(world, "app-one")
    assert run("--guardrail", ACL, "--create-ledger").exit_code == errors.FOUND
    again = run("--guardrail", ACL)
    assert (again.exit_code, len(world.records())) == (errors.FOUND, 1)
    assert "on record" in again.output.split("app-one")[0]
    assert "known, still unsafe" in " ".join(again.output.split())
    assert "duplicate" not in again.output
    assert run("--guardrail", ACL, "--mode", "fix").exit_code == errors.FINE


def test_one_that_cannot_be_looked_at_is_told_at_the_end_and_the_rest_goes_on(world: World) -> None:
    for name in ("app-one", "app-shut"):
        bucket(world, name)
    with deny("GetBucketAcl", about="app-shut", code="InternalError"):
        done = run("--guardrail", ACL, "--mode", "fix", "--create-ledger")
    assert done.exit_code == errors.BAD
    assert (
        "snapback: s3.bucket_acl_made_public: s3.Bucket app-shut in 123456789012, us-east-1: InternalError"
        in done.output
    )
    assert (grants(world, "app-one"), grants(world, "app-shut")) == (1, 2)


def test_what_another_sweep_works_on_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    under_way_elsewhere(world)
    pauses: list[float] = []

    def the_other_goes_on(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            (record,) = world.records()
            world.client("s3").put_bucket_acl(Bucket="app-one", ACL="private")
            world.application().ledger.move(record, Status.FIXED, by="snapback")

    monkeypatch.setattr(replay, "quiet", partial(replay.quiet, sleep=the_other_goes_on))
    done = run("--guardrail", ACL, "--mode", "fix")
    assert (done.exit_code, len(pauses)) == (errors.FINE, 2), done.output
    assert "2 compliant" in done.output
    assert "busy" not in done.output


def test_what_another_sweep_never_finishes_is_said_in_plain_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way_elsewhere(world)
    pauses: list[float] = []
    monkeypatch.setattr(replay, "quiet", partial(replay.quiet, sleep=pauses.append))
    done = run("--guardrail", ACL, "--mode", "fix")
    assert done.exit_code == errors.BAD
    assert f"s3.Bucket app-one in {HOME}, {REGION}: another process" in done.output
    assert not any(word in done.output for word in ("busy", "Refused", "record "))
    assert sum(pauses) > LEASE.total_seconds()
    assert "1 compliant" in done.output


def under_way_elsewhere(world: World) -> None:
    """A fix that another process is at, and a bucket beside it."""
    bucket(world, "app-one")
    bucket(world, "app-two", "private")
    with patch.object(CloseBucketAcl, "write", side_effect=KeyboardInterrupt):
        run("--guardrail", ACL, "--mode", "fix", "--create-ledger")
    assert [record.status for record in world.records()] == ["fixing"]


def test_a_kind_that_cannot_be_listed_does_not_hold_up_the_others(world: World) -> None:
    with deny("ListBuckets", code="InternalError"):
        done = run("--service", "s3")
    assert done.exit_code == errors.BAD
    assert "more: s3.Bucket in 123456789012, us-east-1: InternalError" in done.output
    assert "account 123456789012: " in done.output


@pytest.mark.parametrize("ledger", [["--create-ledger"], []])
def test_what_aws_does_not_let_us_see_is_shown_as_unjudged(world: World, ledger: list[str]) -> None:
    for name in ("app-one", "app-shut"):
        bucket(world, name)
    with deny("GetBucketAcl", about="app-shut", because=BY_RESOURCE_POLICY):
        done = run("--guardrail", ACL, *ledger)
    assert done.exit_code == errors.BAD
    assert "unjudged" in done.output
    assert "1 alerted, 1 unjudged" in done.output
    with deny("ListBuckets"):
        assert "1 unjudged" in run("--guardrail", ACL).output


def test_credentials_that_are_over_end_it(world: World) -> None:
    with deny("ListBuckets", code="ExpiredToken"):
        done = run("--service", "s3")
    assert done.exit_code == errors.BAD
    assert "the credentials expired" in done.output


def test_an_opt_in_guardrail_that_is_named_is_meant(world: World) -> None:
    world.client("ec2").run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    words = ("--guardrail", "ec2.default_group_with_rules", "--mode", "fix", "--create-ledger")
    assert "fixed" in run(*words).output


def test_other_accounts_and_regions_are_asked_about_when_they_are_named(world: World, tmp_path: Path) -> None:
    out = tmp_path / "found.jsonl"
    run("--account", "222222222222", "--region", "eu-west-1", "--service", "ec2", "--json", str(out))
    found = {(each["account"], each["region"]) for each in map(json.loads, out.read_text().splitlines())}
    assert found == {("222222222222", "eu-west-1")}


def test_global_services_are_asked_once_wherever_one_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    done = run("--guardrail", "iam.password_policy_weakened", "--guardrail", "ec2.ebs_default_encryption_off", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted((each["guardrail"], each["region"]) for each in found) == [
        ("ec2.ebs_default_encryption_off", "eu-west-1"),
        ("iam.password_policy_weakened", "us-east-1"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--service", "s4"), "--service s4: no such service; one of"),
        (("--guardrail", "s3.bucket_lost"), "snapback catalog"),
        (("--json", "/no/such/folder/file"), "can't write"),
        (("--account", "999"), "--account 999: not an account"),
        (("--region", "mars-1"), "--region mars-1: not a region"),
    ],
)
def test_what_fits_nothing_is_said(words: tuple[str, ...], said: str, world: World) -> None:
    done = run(*words)
    assert done.exit_code == errors.BAD
    assert said in done.output


def test_what_comes_from_aws_does_nothing_to_the_terminal() -> None:
    outcome = Outcome(ACL, "arn:aws:s3:::app\x1b[31m", "alerted", "open to \u202eall")
    console = render.out()
    with console.capture() as shown:
        console.print(
            render.finding_row(Finding(Place(HOME, REGION, "s3.Bucket"), "high", outcome, missed_by_events=True))
        )
    assert not {"\x1b", "\u202e"} & set(shown.get())
    assert "no event reported it" in " ".join(shown.get().split())


def test_what_the_sweep_gave_up_is_a_letter_that_says_so() -> None:
    body = {"sweep": "2026-11-23T04:17", "account": HOME, "region": REGION, "kind": "s3.Bucket", "ids": ["app-shut"]}
    found = parse_dead_letter("queue", {"MessageId": "1", "ReceiptHandle": "-", "Body": json.dumps(body)})
    assert found.what == f"sweep of s3.Bucket {HOME} {REGION}"
    assert "tries again" in found.error


def test_in_mode_fix_the_plan_is_shown_first_and_nothing_is_written_without_a_yes(world: World) -> None:
    bucket(world, "app-one")
    words = ("--guardrail", ACL, "--mode", "fix", "--create-ledger")
    nobody = ask(*words)
    assert nobody.exit_code == errors.BAD
    assert "nothing was changed: pass --yes" in nobody.stderr
    assert "1 to fix, 0 to report." in nobody.output
    declined = ask(*words, answer="d\nn\n")
    assert declined.exit_code == errors.FOUND
    assert "AllUsers" in declined.output
    assert "Nothing was changed or recorded." in declined.output
    assert grants(world, "app-one") == 2
    assert not list(world.application().ledger.records())
    agreed = ask(*words, answer="y\n")
    assert agreed.exit_code == errors.FINE, agreed.output
    assert grants(world, "app-one") == 1
    assert "1 fixed" in agreed.output
    assert "1 resource in 1 place in" in agreed.output


def test_a_plan_is_kept_without_states_and_done_as_far_as_it_is_the_same(world: World, tmp_path: Path) -> None:
    for name in ("app-one", "app-two", "app-three"):
        bucket(world, name)
    file = tmp_path / "plan.json"
    planned = ask("--guardrail", ACL, "--plan", str(file))
    assert planned.exit_code == errors.FOUND, planned.output
    assert not world.client("dynamodb").list_tables()["TableNames"]
    assert file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(file.read_text())
    assert {each["does"] for each in kept["findings"]} == {"fixing"}
    assert "AllUsers" not in file.read_text().replace("READ to AllUsers", "")
    world.client("s3").put_bucket_acl(Bucket="app-two", ACL="authenticated-read")
    bucket(world, "app-new")
    done = ask("--apply", str(file), "--create-ledger", answer="y\n")
    assert done.exit_code == errors.FOUND, done.output
    assert grants(world, "app-one") == grants(world, "app-three") == 1
    assert grants(world, "app-two") == 2
    assert grants(world, "app-new") == 2
    assert "2 to fix, 0 to report." in done.output
    assert (
        "not the same as in the plan, so left as it is: s3.bucket_acl_made_public on arn:aws:s3:::app-two"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no plan"),
        ('{"plan": 1}', "is no plan"),
        ('{"plan": 7, "findings": []}', "is a plan of version 7"),
        ('{"plan": 1, "findings": [{"guardrail": 1}]}', "is no plan"),
    ],
)
def test_what_is_no_plan_is_one_line(text: str, said: str, world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    done = ask("--apply", str(file))
    assert done.exit_code == errors.BAD
    (line,) = done.stderr.splitlines()
    assert said in line
    assert "can't read" in ask("--apply", str(tmp_path / "none")).stderr
    assert "can't write" in ask("--guardrail", ACL, "--plan", str(tmp_path / "no" / "x")).stderr
    assert "exclude each other" in ask("--apply", str(file), "--plan", str(file)).stderr


def test_one_resource_by_its_arn(world: World) -> None:
    for name in ("app-one", "app-two"):
        bucket(world, name)
    done = run("--guardrail", ACL, "--mode", "fix", "--create-ledger", "--resource", "arn:aws:s3:::app-one")
    assert done.exit_code == errors.FINE
    assert (grants(world, "app-one"), grants(world, "app-two")) == (1, 2)
    none = run("--guardrail", ACL, "--resource", "app-four")
    assert none.exit_code == errors.BAD
    assert "no resource app-four in 1 places; check --region and --account" in none.stderr


def test_two_fixes_of_one_policy_are_one_plan(world: World) -> None:
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::app-one/*"}
    unknown = {
        "Effect": "Allow",
        "Principal": {"AWS": "999988887777"},
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::app-one/*",
    }
    world.client("s3").create_bucket(Bucket="app-one")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everyone, unknown]})
    world.client("s3").put_bucket_policy(Bucket="app-one", Policy=policy)
    done = run("--guardrail", "s3.bucket_policy_*", "--mode", "fix", "--create-ledger")
    assert "2 fixed" in done.output
    assert "changed since the plan" not in done.stderr


def test_what_is_exempt_is_not_in_the_plan(world: World) -> None:
    bucket(world, "app-one")
    assert run("--guardrail", ACL, "--mode", "fix", "--create-ledger").exit_code == errors.FINE
    ledger = world.application().ledger
    (record,) = ledger.records()
    assert CliRunner().invoke(cli.main, ["undo", record.id]).exit_code == errors.FINE
    again = ask("--guardrail", ACL, "--mode", "fix")
    assert "to fix" not in again.output
    assert grants(world, "app-one") == 2
