"""The console over HTTP: who gets an answer, what it reads and does, and that nothing happens which nobody confirmed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_index import AT_ONCE, SHARDS, shard_of
from chalicelib.aws.ledger_items import to_item
from chalicelib.core.event import Actor
from chalicelib.core.settings import Exemption
from chalicelib.core.types import Status
from snapback.console.runs import Runs
from snapback.console.sources import PAGE, FileSource, LedgerSource, Wanted
from snapback.errors import Refused
from snapback.report.page import report_data
from snapback.report.result import write_result
from tests.delivery.memory import Table
from tests.notify.test_message import NOW, record_of
from tests.snapback.command import complaint, public
from tests.snapback.console.conftest import CALLER, running
from tests.snapback.dead_letters import given_up
from tests.snapback.report.findings import result
from tests.snapback.test_cli_replay import story

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from snapback.console.live import Live
    from tests.snapback.console.conftest import Console
    from tests.snapback.dead_letters import Queues
    from tests.support.world import World

JSON = "application/json"


@pytest.fixture
def file() -> Iterator[Console]:
    with running(FileSource(result(130))) as console:
        yield console


class TestWhoIsAnswered:
    def test_only_the_first_browser_with_the_address(self, file: Console) -> None:
        assert file.raw("GET", "/api/about")[0] == 401
        assert file.raw("POST", "/start", {"token": "guess"}, origin=file.site, content_type=JSON)[0] == 403
        file.enter()
        assert file.get("about")["kind"] == "replay"
        status, told, _ = file.raw("POST", "/start", {"token": file.token}, origin=file.site, content_type=JSON)
        assert (status, told["error"]) == (
            403,
            "this address works once, and a browser has opened it; start `snapback console` again",
        )
        assert file.raw("GET", "/api/about", cookie="snapback_console=x")[0] == 401
        assert file.get("about")["read_only"]

    def test_a_cookie_that_another_port_was_sent_is_not_enough(self, console: Console, live: Live) -> None:
        for key in ("", "guess", "\xe9"):
            assert console.raw("GET", "/api/about", cookie=console.cookie, x_snapback_key=key)[0] == 401
        assert console.raw("GET", "/api/about", x_snapback_key=console.key)[0] == 401
        assert console.raw("GET", "/report/1/guess", cookie=console.cookie)[0] == 404
        assert live.runs.all == []

    def test_two_consoles_at_once_know_their_own_browsers(self, file: Console) -> None:
        file.enter()
        with running(FileSource(result(0))) as other:
            other.enter()
            both = f"{file.cookie}; {other.cookie}"  # A browser sends each port's cookies to both.
            for console, key, status in ((file, file.key, 200), (other, other.key, 200), (other, file.key, 401)):
                assert console.raw("GET", "/api/about", cookie=both, x_snapback_key=key)[0] == status

    def test_the_cookie_is_for_this_site_and_no_script(self, file: Console) -> None:
        _, _, headers = file.raw("POST", "/start", {"token": file.token}, origin=file.site, content_type=JSON)
        parts = headers["set-cookie"].lower()
        assert "httponly" in parts
        assert "samesite=strict" in parts
        assert "domain=" not in parts

    def test_a_foreign_host_another_origin_and_another_type_are_refused(self, file: Console) -> None:
        port = file.site.rpartition(":")[2]
        body = {"token": file.token}
        for method, path in (("GET", "/"), ("GET", "/a/b"), ("PUT", "/"), ("DELETE", "/api/about")):
            assert file.raw(method, path, host=f"evil.example.com:{port}")[0] == 400
        assert file.raw("GET", "/", sec_fetch_site="cross-site")[0] == 403
        assert file.raw("POST", "/start", body, content_type=JSON)[0] == 403
        assert file.raw("POST", "/start", body, origin="http://evil.example.com", content_type=JSON)[0] == 403
        assert file.raw("POST", "/start", body, origin=file.site, content_type="text/plain")[0] == 415
        assert file.raw("POST", "/start", {"token": "x" * 70_000}, origin=file.site, content_type=JSON)[0] == 413
        file.enter()  # None of these used the token up.
        assert file.raw("POST", "/api/act", ["x"], origin="null", content_type=JSON, cookie=file.cookie)[0] == 403

    def test_each_answer_has_a_strict_policy_and_the_page_holds_no_data(self, file: Console) -> None:
        for path in ("/", "/console.js", "/page.css", "/nothing", "/a/b/c", "/api/about"):
            _, text, headers = file.raw("GET", path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["cache-control"] == "no-store"
            assert "app-1" not in str(text)
        assert file.raw("PUT", "/")[0] == 405
        for path in ("/../pyproject.toml", "/%2e%2e%2fresult.py", "/result.py", "/web/page.css", "/report/1/x"):
            assert file.raw("GET", path, cookie=file.cookie)[0] in {401, 404}

    def test_a_get_is_no_action(self, console: Console, asking: str) -> None:
        for path in ("act", "pause", "resume", "dead-letters", "redrive", "drop", "run", "stop", "renew"):
            console.get(f"{path}?action=approve&record={asking}", 404)
        assert console.get(f"finding?id={asking}")["finding"]["status"] == "asking"


class TestFile:
    def test_it_is_read_only_and_paged(self, file: Console) -> None:
        file.enter()
        found: list[str] = []
        cursor = ""
        sizes: list[int] = []
        while True:
            page = file.get(f"findings?cursor={cursor}")
            found += [each["id"] for each in page["findings"]]
            assert {each["guardrail"] for each in page["findings"]} == set(page["cards"])
            sizes.append(len(page["findings"]))
            if not (cursor := page["cursor"]):
                break
        assert (len(set(found)), sizes) == (130, [50, 50, 30])
        assert len(file.get("findings?text=APP-12")["findings"]) == 11
        assert {each["status"] for each in file.get("findings?status=fixed,failed")["findings"]} == {"fixed", "failed"}
        detail = file.get(f"finding?id={found[5]}")
        assert (detail["actions"], detail["finding"]["id"]) == ([], found[5])
        assert file.get("finding?id=nope", 409)["error"] == "there is no such record"
        for action in ("act", "pause", "run"):
            assert "read only" in file.post(action, 404)["error"]

    def test_each_filter_of_records_fits_here_too(self, file: Console) -> None:
        file.enter()
        (one,) = file.get("findings?text=app-77-")["findings"]
        when = one["time"].removesuffix("Z")
        for asked in (
            f"guardrail={one['guardrail']}",
            f"guardrail=*.{one['guardrail'].partition('.')[2]}",
            f"account=111122223333,{one['account']}",
            f"region={one['region']}",
            f"severity={one['severity']}",
            f"status=gone,{one['status']}",
            f"actor={one['actor']['session'].upper()}",
            "tool=aws",
            f"since={when}",
        ):
            found = file.get(f"findings?text=app-77-&{asked}")["findings"]
            assert [each["id"] for each in found] == [one["id"]], asked
            assert file.get(f"overview?text=app-77-&{asked}")["columns"]["id"] == [[one["id"]]], asked
        for asked in ("account=111122223334", "region=eu-west-3", "severity=low", "actor=nobody", f"until={when}"):
            assert file.get(f"findings?text=app-77-&{asked}")["findings"] == [], asked
        for asked, said in (
            ("status=nope", "'nope' is no status; statuses: alerted, "),
            ("account=12", "12"),
            ("since=monday", "is no time"),
            ("guardrail=s3.nope", "s3.nope"),
        ):
            assert said in file.get(f"findings?{asked}", 409)["error"], asked
        assert file.get(f"findings?cursor={'9' * 5000}")["findings"] == []

    def test_the_overview_is_the_report_s_own(self, file: Console) -> None:
        file.enter()
        told, whole = file.get("overview"), report_data(result(130))
        assert told["latest"] == 0, "all are counted"
        for part in ("stories", "fights", "noise", "unchecked", "figures", "cards", "size"):
            assert told[part] == json.loads(json.dumps(whole[part])), part
        assert whole["columns"].keys() - told["columns"].keys() == {"changes", "calls", "history", "commands", "did"}
        assert 0 < file.get("overview?text=t1530")["size"] < 130

    def test_bad_files_and_ports_are_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "old.json").write_text('{"format": "snapback-result", "version": 9}')
        assert "version 9" in complaint("console", tmp_path / "old.json")
        assert "can't read" in complaint("console", tmp_path / "none.json")
        write_result(tmp_path / "r.json", result(0))
        with running(FileSource(result(0))) as taken:
            assert "pass another --port" in complaint(
                "console", tmp_path / "r.json", "--port", taken.site.rpartition(":")[2]
            )


class Counted(Table):
    """In memory, with how many keys and records were read."""

    keys = records = 0

    def _query(self, **request: Any) -> Iterator[Any]:
        for page in super()._query(**request):
            assert len(page["Items"]) <= AT_ONCE
            self.keys += len(page["Items"])
            yield page

    def batch_get_item(self, **request: Any) -> Any:
        self.records += len(request["RequestItems"]["records"]["Keys"])
        return super().batch_get_item(**request)

    def source(self) -> LedgerSource:
        ledger = DynamoLedger(self, "records", lambda: NOW)  # type: ignore[arg-type]
        return LedgerSource(SimpleNamespace(ledger=ledger, home="111122223333"))  # type: ignore[arg-type]

    def hold(self, number: int, at: timedelta, *lives: tuple[Status, ...]) -> None:
        """Records that lived so in turn, each some time after the one before."""
        for n in range(number):
            name, when = f"s3.{n:016x}", NOW + n * at
            made = record_of(Status.ALERTED, id=name, arn=f"arn:aws:s3:::b{n}", resource=f"b{n}", event_time=when)
            record = replace(made, history=())
            for status in lives[n % len(lives)]:
                record = record.stepped(status, NOW + n * at, "snapback")
            index = {"updated_at": {"S": record.touched}, "status_shard": {"S": shard_of(record.status, record.id)}}
            self.put_item(Item={**to_item(record), **index})


class TestLedger:
    def test_pages_hold_each_record_once_the_latest_first(self) -> None:
        table, cursor, found = Counted(), "", []
        table.hold(2 * PAGE + 6, timedelta(0), (Status.ALERTED,), (Status.FIXING, Status.FIXED))
        table.hold(PAGE, timedelta(seconds=1), (Status.ALERTED,), (Status.ASKING,))  # The others moved in one moment.
        source = table.source()
        while True:
            page = source.page(Wanted(cursor=cursor))
            found += page.findings
            if not (cursor := page.cursor):
                break
            assert len(page.findings) == PAGE
        assert len(found) == len({each.id for each in found}) == 2 * PAGE + 6
        moved = [each.history[-1].at for each in found]
        assert moved == sorted(moved, reverse=True)
        assert [each.id for each in source.page(Wanted(words=("b100",))).findings] == [f"s3.{100:016x}"]
        assert {each.status for each in source.page(Wanted(statuses=(Status.ASKING,))).findings} == {"asking"}

    def test_of_many_records_few_are_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each shard's first keys, and one batch; an overview reads MOST_READ, and says so if there are older ones."""
        monkeypatch.setattr("snapback.console.sources.MOST_READ", 500)
        table = Counted()
        table.hold(1000, timedelta(seconds=1), (Status.ALERTED,), (Status.ASKING,))
        source = table.source()
        assert [each.id for each in source.page(Wanted()).findings] == [f"s3.{n:016x}" for n in range(999, 949, -1)]
        assert (table.records, table.keys) == (AT_ONCE, 2 * SHARDS * AT_ONCE)
        told, latest = source.overview(Wanted())
        assert (len(told.findings), latest) == (500, 500)
        assert source.overview(Wanted(statuses=(Status.ASKING,)))[1] == 0, "exactly as many as are read"

    def test_what_moved_last_before_since_ends_the_reading(self) -> None:
        table = Counted()
        table.hold(9, timedelta(minutes=1), (Status.ALERTED,))
        page = table.source().page(Wanted.of({"since": f"{NOW + timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}"}))
        assert (len(page.findings), page.read) == (4, 4)

    def test_an_item_that_is_no_record_is_left_out_and_told_once(
        self, console: Console, world: World, asking: str
    ) -> None:
        db = world.application().ledger._db
        item = dict(db.item(f"record#{asking}") or {})
        db.put(
            {**item, "pk": {"S": "record#s3.00000000000000ff"}, "updated_at": {"S": "2026-11-23T10:00:03.000+00:00"}}
        )
        page = console.get("findings")
        assert [each["id"] for each in page["findings"]] == [asking]
        assert "s3.00000000000000ff" in "".join(page["left_out"])
        assert len(console.get("overview")["left_out"]) == 1

    def test_an_empty_ledger_and_none_at_all(self, console: Console, live: Live) -> None:
        assert console.get("findings") == {
            "findings": [],
            "cards": {},
            "cursor": "",
            "read": 0,
            "left_out": [],
        }
        live.application.table = "no-such-table"
        live.application.__dict__.pop("ledger", None)
        assert "no-such-table" in console.get("findings", 409)["error"]


class TestActions:
    def test_approve_undo_and_who_did_it(self, console: Console, world: World, asking: str) -> None:
        assert console.get(f"finding?id={asking}")["actions"] == ["approve", "exempt"]
        assert console.get(f"now?id={asking}")["said"].startswith("Unsafe now: ")
        assert console.act("approve", asking)["status"] == "fixed"
        assert not public(world)
        assert console.get(f"now?id={asking}") == {"said": "Safe now.", "changes": []}
        assert console.act("undo", asking)["status"] == "undone"
        assert public(world)
        assert {step.by for step in world.record(asking).history[1:]} == {CALLER}

    def test_a_stale_page_does_nothing(self, console: Console, world: World, asking: str) -> None:
        seen = console.get(f"finding?id={asking}")["seen"]["approve"]
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        assert (
            "changed since Snapback asked"
            in console.post("act", 409, action="approve", record=asking, seen=seen)["error"]
        )
        told = console.post("act", 409, action="approve", record=asking, seen=seen)["error"]
        assert told == f"record {asking} changed since you saw it; read it again, then decide"
        assert "changed since you saw it" in console.post("act", 409, action="approve", record=asking, seen="")["error"]
        assert world.record(asking).status == "asking"

    def test_exempt_with_a_reason_and_a_date(self, console: Console, world: World, asking: str) -> None:
        assert "give a reason" in console.act("exempt", asking, 409, days="7", reason=" ")["error"]
        assert (
            "choose a date"
            in console.act("exempt", asking, 409, days="date", date="1999-01-01", reason="a website")["error"]
        )
        console.act("exempt", asking, days="date", date="2026-12-01", reason="a website")
        assert world.record(asking).history[-1].note == "exempt until 2026-12-01 23:59 UTC: a website"

    def test_nobody_decides_about_their_own_change(
        self, console: Console, live: Live, world: World, asking: str
    ) -> None:
        live.caller = world.record(asking).actor.principal
        told = console.act("approve", asking, 409)["error"]
        assert told.startswith("this is your own change, so somebody else must decide")
        assert world.record(asking).history[-1].status == "refused"
        assert public(world)

    def test_a_session_that_bears_your_name_wants_a_second_person(
        self, console: Console, world: World, asking: str
    ) -> None:
        ledger = world.application().ledger
        session = Actor("AssumedRole", "arn:aws:sts::123456789012:assumed-role/x/dana", "123456789012", session="dana")
        ledger.move(world.record(asking), Status.ASKING, by="snapback", actor=session)
        assert "a second approver must approve too" in console.act("approve", asking, 409)["error"]
        assert world.record(asking).history[-1].status == "second_wanted"

    def test_what_is_no_action_or_no_record_is_one_line(self, console: Console, asking: str) -> None:
        assert "doesn't know this action" in console.act("erase", asking, 409)["error"]
        assert "no record" in console.post("act", 409, action="approve", record="s3.ffff", seen="x")["error"]
        assert "no JSON object" in console.post("act", 400, action="approve", record="\ud800", seen="x")["error"]
        assert console.post("act", 409)["error"]

    def test_no_right_to_write_is_one_line(self, console: Console, world: World, asking: str) -> None:
        with world.denied("PutBucketAcl"):
            assert "AccessDenied" in console.act("approve", asking, 409)["error"]
        assert world.record(asking).status == "failed"
        assert "retry" in console.get(f"finding?id={asking}")["actions"]

    def test_a_fault_is_told_as_one(self, console: Console, live: Live, capsys: pytest.CaptureFixture[str]) -> None:
        live.application.__dict__["ledger"] = None
        assert console.get("findings", 500)["error"].startswith("a fault in Snapback (AttributeError)")
        assert "Traceback" in capsys.readouterr().err


class TestOperations:
    def test_pause_and_resume(self, console: Console) -> None:
        assert "say why" in console.post("pause", 409, why=" ")["error"]
        assert "an incident" in console.post("pause", why="an incident")["said"]
        assert "an incident" in console.get("status")["paused"]
        assert "an incident" in console.post("resume")["said"]
        assert console.get("status")["paused"] == ""

    def test_status_and_settings_name_exemptions_about_to_expire(
        self, console: Console, live: Live, world: World
    ) -> None:
        day = world.clock.date()
        soon = Exemption("s3.*", "a website", "dana", day + timedelta(days=3))
        later = replace_expiry(soon, day + timedelta(days=90))
        live.settings = msgspec.structs.replace(live.settings, exemptions=(later, soon))
        assert [each["expires"] for each in console.get("status")["expiring"]] == [soon.expires.isoformat()]
        told = console.get("settings")
        assert [each["soon"] for each in told["exemptions"]] == [True, False]
        assert ["s3.bucket_acl_made_public", "fix", "by default"] in told["modes"]

    def test_credentials_that_expire_are_told_and_renewed(self, console: Console, live: Live, world: World) -> None:
        with world.denied("Query", code="ExpiredTokenException"):
            told = console.get("findings", 409)
        assert told["kind"] == "credentials"
        assert "aws sso login" in told["error"]
        application = live.application
        live.open = lambda: (application, "arn:aws:iam::123456789012:user/erin", {})
        assert console.post("renew")["caller"].endswith("user/erin")
        assert console.get("findings")["findings"] == []

    @pytest.mark.usefixtures("hasty")
    def test_dead_letters_are_listed_and_dropped(self, console: Console, queues: Queues) -> None:
        queues.put(given_up())
        (letter,) = console.post("dead-letters")["dead_letters"]
        assert letter["what"] == "PutBucketAcl by alice"
        assert "deleted" in console.post("drop", id=letter["id"])["said"]
        assert console.post("dead-letters")["dead_letters"] == []
        assert "is gone" in console.post("redrive", 409, id=letter["id"])["error"]


def replace_expiry(exemption: Exemption, day: Any) -> Exemption:
    return msgspec.structs.replace(exemption, expires=day)


class TestRuns:
    def test_a_replay_is_started_and_followed_to_its_report(self, console: Console, live: Live, tmp_path: Path) -> None:
        started = console.post("run", kind="replay", paths=str(story(tmp_path)), mode="fix")
        run = live.runs.get(started["number"])
        run.process.wait(240)
        run.follower.join(60)
        (told,) = console.get("runs")["runs"]
        assert told["state"] == "done; nothing unsafe remains"
        assert any("app-logs" in each for each in told["lines"])
        status, page, headers = console.raw("GET", told["report"], cookie=console.cookie)
        assert status == 200
        assert console.raw("GET", told["report"])[0] == 401
        assert console.raw("GET", f"{told['report']}x", cookie=console.cookie)[0] == 404
        assert "app-logs" in page
        assert headers["content-security-policy"].startswith("sandbox allow-scripts")

    def test_what_it_starts_is_one_command_with_whole_arguments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun: list[list[str]] = []
        script = "import sys; print('ended'); sys.exit(2)"
        monkeypatch.setattr("snapback.console.runs._COMMAND", (sys.executable, "-c", script))
        runs = Runs("prod", "/etc/snapback.yaml")
        try:
            run = runs.start({"kind": "sweep", "service": "s3 --mode=fix", "region": "eu-west-3"})
            begun.append(run.arguments)
            run.process.wait(60)
            run.follower.join(60)
            assert begun[0][0] == "sweep"
            assert begun[0][1:4] == ["--service=s3", "--service=--mode=fix", "--region=eu-west-3"]
            assert {"--stack=prod", "--settings=/etc/snapback.yaml"} < set(begun[0])
            assert any(each.startswith("--plan=") for each in begun[0]), "it only plans"
            assert (run.to_json()["state"], run.to_json()["lines"]) == ("ended with an error", ["ended"])
            for asked, said in (
                ({"kind": "apply", "number": 1}, "no plan"),
                ({"kind": "apply", "number": 7}, "no such run"),
                ({"kind": "replay"}, "name the files"),
                ({"kind": "undo"}, "sweeps and replays only"),
            ):
                with pytest.raises(Refused, match=said):
                    runs.start(asked)
        finally:
            runs.close()
        assert not run.folder.exists()


def test_the_hostile_name_is_text_in_json(file: Console) -> None:
    file.enter()
    status, told, headers = file.raw("GET", "/api/findings?text=script", cookie=file.cookie, x_snapback_key=file.key)
    assert (status, headers["content-type"], headers["x-content-type-options"]) == (200, JSON, "nosniff")
    assert "</script>" in told["findings"][0]["resource"]
