"""Pipes, full disks, Ctrl-C, servers that answer with a page, two sweeps, and people who decide about their own change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from chalicelib.engine.context import describe_error
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from snapback import errors
from snapback.commands import deploy, options
from snapback.private_file import write_private
from snapback.replay import replay
from snapback.sweep_lock import LEASE, SweepLock
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import ROOT, complaint, objects, public, run
from tests.snapback.dead_letters import given_up
from tests.support.http import Handler, listening
from tests.support.moto_gaps import deny

if TYPE_CHECKING:
    from pathlib import Path

    from tests.snapback.dead_letters import Queues
    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
SNAPBACK = [sys.executable, "-c", "from snapback.cli import main; main(prog_name='snapback')"]
STORY = ROOT / "snapback" / "story" / "events.jsonl"


def test_a_pipe_that_nobody_reads_ends_the_command_in_silence() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run([*SNAPBACK, "catalog"], stdout=writes, stderr=subprocess.PIPE, check=False)
    os.close(writes)
    assert (done.returncode, done.stderr) == (errors.PIPE, b"")


@pytest.mark.parametrize("where", ["--json=/dev/full", "--json"])
def test_a_full_disk_is_one_line(where: str, tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(STORY.read_text().splitlines()[0])
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [*SNAPBACK, "replay", "one.jsonl", where],
            stdout=full if where == "--json" else None, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == errors.BAD
    named = " /dev/full" if "=" in where else ""
    assert (
        done.stderr == f"snapback: can't write{named}: No space left on device; free some space, or write elsewhere\n"
    )


class TestInterrupted:
    def test_a_sweep_says_what_it_did_and_lets_go(self, world: World) -> None:
        for name in ("app-one", "app-two"):
            world.client("s3").create_bucket(Bucket=name)
            world.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")
        write, times = CloseBucketAcl.write, []

        def second_is_interrupted(*arguments: Any) -> Any:
            times.append(1)
            if len(times) > 1:
                raise KeyboardInterrupt
            return write(*arguments)

        ask = ("sweep", "--guardrail", acl.ID, "--mode", "fix", "--yes", "--create-ledger")
        with patch.object(CloseBucketAcl, "write", autospec=True, side_effect=second_is_interrupted):
            said = run(*ask, code=errors.INTERRUPTED).stderr
        assert "snapback: interrupted: " in said
        assert (
            "1 of 1 places begun; what was done is in the ledger (`snapback records`); run the sweep again to go on"
            in said
        )
        assert "Item" not in world.client("dynamodb").get_item(TableName="snapback-ledger", Key={"pk": {"S": "sweep"}})

    def test_a_fix_says_where_its_record_is(self, asking: str) -> None:
        with patch.object(CloseBucketAcl, "write", side_effect=KeyboardInterrupt):
            said = run("approve", asking, code=errors.INTERRUPTED).stderr
        assert f"snapback: interrupted: record {asking} is fixing, with its former state kept" in said

    def test_a_replay_counts_its_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(replay.Player, "run", interrupted)
        said = run("replay", STORY, code=errors.INTERRUPTED).stderr
        assert "snapback: interrupted: 0 events were replayed; nothing is kept" in said

    @pytest.mark.parametrize(
        ("command", "kept"), [("records", "nothing was changed"), ("resume", "a part may be done; run the command again to do the rest")]
    )  # fmt: skip
    def test_any_command_says_what_is_kept(self, command: str, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

        for module in ("records", "pause"):
            monkeypatch.setattr(f"snapback.commands.{module}.deployed_application", interrupted)
        assert complaint(command, code=errors.INTERRUPTED) == f"interrupted: {kept}"

    @pytest.mark.usefixtures("hasty")
    def test_a_question_that_nobody_answers_names_the_option(self, queues: Queues) -> None:
        queues.put(given_up())
        done = run("dlq", "drop", "--all", code=errors.BAD)
        assert done.stderr.endswith(
            "snapback: nobody answered, so nothing was changed; pass --yes to go on without the question\n"
        )

    def test_a_deployment_says_that_nothing_was_deployed(self, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
        def interrupted(*_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(deploy, "_package", interrupted)
        said = complaint("deploy", "--bucket", "code", "--uncommitted", code=errors.INTERRUPTED)
        assert said == "interrupted: nothing was deployed"


@pytest.mark.parametrize("status", [200, 500, 503])
def test_a_page_instead_of_an_answer_doesnt_reach_the_terminal(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Proxy(Handler):
        def serve(self) -> None:
            self.body()
            page = b"<!DOCTYPE html><html><body><h1>Bad gateway</h1>\x1b[31m</body></html>"
            self.answer(status, {"Content-Type": "text/html"}, page)

    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with listening(Proxy) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        said = complaint("records")
    assert "\n" not in said
    assert not any(part in said for part in ("<", "gateway", "\x1b", "b'", "parse"))
    assert "an HTML page" in said
    assert "AWS_ENDPOINT_URL" in said


def test_a_page_instead_of_an_answer_is_told_as_one_by_a_sweep_too() -> None:
    page = "<!doctype html><html lang=en><title>500</title>"
    told = describe_error(ClientError({"Error": {"Code": "500", "Message": page}}, "ListKeys"))
    assert told == "500: an HTML page"


class TestPrivateFile:
    def test_a_pipe_and_a_device_are_written_as_they_are(self, tmp_path: Path) -> None:
        (tmp_path / "one.jsonl").write_text(STORY.read_text().splitlines()[0])
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        reads = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        write_private(pipe, b"told")
        assert os.read(reads, 10) == b"told"
        os.close(reads)
        assert pipe.is_fifo()
        full = tmp_path / "full"
        full.symlink_to("/dev/full")
        for way in ("--html", "--result"):
            said = run("replay", "one.jsonl", way, full, code=errors.BAD).stderr
            assert said == f"snapback: can't write {full}: No space left on device; pass another file\n"
        assert full.is_symlink()

    @pytest.mark.parametrize("stream", ["/dev/stdout", "/dev/stderr"])
    def test_the_command_s_own_output_is_no_file_to_replace(self, stream: str, tmp_path: Path) -> None:
        link = tmp_path / "out"  # So that /dev itself is safe from a mistake.
        link.symlink_to(stream)
        code = f"from pathlib import Path; from snapback.private_file import write_private as w; w(Path({str(link)!r}), b'new')"
        with (tmp_path / "kept").open("w+") as kept:
            kept.write("old ")
            kept.flush()
            subprocess.run([sys.executable, "-c", code], stdout=kept, stderr=kept, check=True)
        assert (tmp_path / "kept").read_text() == "old new"
        assert link.is_symlink()

    def test_a_link_to_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "theirs").write_text("theirs")
        (tmp_path / "link").symlink_to("theirs")
        with pytest.raises(errors.Refused, match="it is a symbolic link"):
            write_private(tmp_path / "link", b"ours")
        assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.mark.parametrize("more", ["--mode=alert", "--guardrail=s3.*", "--service=s3", "--resource=app-logs"])
def test_a_plan_is_applied_as_it_is_or_not_at_all(more: str) -> None:
    said = complaint("sweep", "--apply", "plan.json", more)
    assert said.startswith(f"--apply does what its plan says; leave out {more.partition('=')[0]}, ")


class TestSweep:
    def test_two_at_once_wait_for_each_other(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        application = world.application()
        world.client("s3").create_bucket(Bucket="app-one")
        pauses: list[float] = []

        def the_other_ends(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                other.__exit__(None, None, None)

        monkeypatch.setattr(replay, "quiet", partial(replay.quiet, sleep=the_other_ends, now=lambda: world.clock))
        other = SweepLock(application, "the other").held(pytest.fail)
        with other:
            done = run("sweep", "--guardrail", acl.ID)
        assert done.stderr.splitlines() == ["snapback: warning: waiting for another sweep, by the other"]
        assert len(pauses) == 2

    def test_one_that_died_holds_nobody_up(self, world: World) -> None:
        application = world.application()
        SweepLock(application, "dead").renew()
        world.clock += LEASE * 1.1
        with SweepLock(application, "next").held(pytest.fail):
            assert SweepLock(application, "third")._taken() == "next"

    def test_a_tripwire_says_that_it_cant_be_swept(self) -> None:
        said = complaint("sweep", "--guardrail", "iam.root_access_changed")
        assert said.startswith(
            "--guardrail iam.root_access_changed: iam.root_access_changed: a tripwire judges an event"
        )

    def test_errors_stand_in_the_json_once_with_the_guardrail(self, world: World) -> None:
        world.client("s3").create_bucket(Bucket="app-shut")
        ask = ("sweep", "--guardrail", acl.ID, "--mode", "fix", "--create-ledger", "--json")
        with deny("GetBucketAcl", about="app-shut", code="InternalError"):
            (told,) = objects(run(*ask, code=errors.BAD))
        assert (told["status"], told["guardrails"], told["resource"]) == ("error", [acl.ID], "app-shut")
        assert told["error"].startswith("InternalError")


class TestFourEyes:
    def me(self, monkeypatch: pytest.MonkeyPatch, arn: str) -> None:
        real = options.deployed_application

        def as_them(*arguments: Any, **more: Any) -> Any:
            application, _, parts = real(*arguments, **more)
            return application, arn, parts

        monkeypatch.setattr("snapback.commands.decide.deployed_application", as_them)

    @pytest.mark.parametrize("command", ["approve", "fix", "undo"])
    def test_nobody_decides_about_their_own_change(
        self, command: str, request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = request.getfixturevalue("fixed" if command == "undo" else "asking")
        self.me(monkeypatch, "arn:aws:iam::123456789012:user/alice")
        before = public(world)
        assert "this is your own change, so somebody else must decide" in complaint(
            command, record, "--by", "bob", code=1
        )
        assert public(world) is before
        assert world.record(record).history[-1].by == "arn:aws:iam::123456789012:user/alice (bob)"

    def test_a_session_named_like_the_author_is_the_author_s(
        self, asking: str, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.me(monkeypatch, "arn:aws:sts::123456789012:assumed-role/ops/alice@example.com")
        assert "this is your own change" in complaint("approve", asking, code=1)

    def test_the_settings_can_turn_it_off(
        self, asking: str, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "snapback.yaml").write_text(json.dumps({"four_eyes": False}))
        self.me(monkeypatch, "arn:aws:iam::123456789012:user/alice")
        run("approve", asking)
        assert not public(world)

    def test_others_may(self, asking: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.me(monkeypatch, "arn:aws:iam::123456789012:user/bob")
        run("approve", asking)
        assert not public(world)


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", "snapback rec"), ("zsh", "snapback rec"), ("fish", "snapback rec")]
)
def test_shells_complete_commands(shell: str, words: str) -> None:
    asked = {
        "_SNAPBACK_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": "rec" if shell == "fish" else "1",
    }
    done = subprocess.run(SNAPBACK, env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    assert "records" in done.stdout
