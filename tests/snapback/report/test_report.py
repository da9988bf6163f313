"""Results and what is written of them: whole, redacted, private, and safe to open."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from chalicelib.core.event import Actor
from chalicelib.core.record import Step
from chalicelib.core.types import REMINDED, Status
from snapback.catalog import entries
from snapback.report.exports import as_compliance, as_csv, as_ocsf, as_sarif
from snapback.report.noise import noise
from snapback.report.page import report_page
from snapback.report.result import Result, read_result, result_of, write_result
from snapback.report.stories import fights, stories
from snapback.settings_file import check
from tests.notify.test_message import NOW, record_of
from tests.snapback.command import complaint, run
from tests.snapback.report.findings import HOSTILE, many, result
from tests.snapback.test_cli_replay import story
from tests.snapback.test_sweep import bucket

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.core.record import Record
    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
FILES = {
    "html": "r.html",
    "result": "r.json",
    "csv": "r.csv",
    "ocsf": "r.ocsf",
    "sarif": "r.sarif",
    "compliance": "c.csv",
}


def options(*names: str) -> list[str]:
    return [word for name in names for word in (f"--{name}", FILES[name])]


def data_of(page: str) -> Any:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


class TestWritten:
    def test_a_replay_writes_each_format_for_its_owner_alone(self, tmp_path: Path) -> None:
        (tmp_path / "r.html").write_text("older, and readable by all")
        done = run("replay", story(tmp_path), "--mode", "fix", *options(*FILES))
        assert "app-logs" in done.stdout
        for name in FILES.values():
            assert f"Wrote {name}" in done.stderr
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        found = read_result(tmp_path / "r.json")
        assert (found.kind, found.figures["events"]) == ("replay", 2)
        assert [each.status for each in found.findings if each.guardrail == "s3.bucket_acl_made_public"] == ["fixed"]
        assert all(each.guardrail in found.cards for each in found.findings)

    def test_a_report_of_a_result_is_the_same(self, tmp_path: Path) -> None:
        run("replay", story(tmp_path), "--mode", "fix", *options("result", "html", "csv"))
        first = [(tmp_path / FILES[name]).read_bytes() for name in ("html", "csv")]
        run("report", "r.json", *options("html", "csv"))
        assert [(tmp_path / FILES[name]).read_bytes() for name in ("html", "csv")] == first

    def test_a_sweep_writes_what_it_found_with_a_ledger_and_without(self, world: World, tmp_path: Path) -> None:
        bucket(world, "app-one")
        only = ("sweep", "--guardrail", "s3.bucket_acl_made_public")
        run(*only, *options("result"), code=1)
        run(*only, "--plan", "plan.json", "--result", "planned.json", code=1)
        run(*only, "--create-ledger", "--mode", "fix", "--yes", "--result", "kept.json")
        found = [read_result(tmp_path / name) for name in ("r.json", "planned.json", "kept.json")]
        assert [each.kind for each in found] == ["sweep", "plan", "sweep"]
        assert [[each.status for each in one.findings] for one in found] == [["alerted"], ["fixing"], ["fixed"]]
        assert all(one.findings[0].resource == "arn:aws:s3:::app-one" for one in found)

    def test_records_writes_those_that_it_lists(self, fixed: str, tmp_path: Path) -> None:
        run("records", *options("result", "html"))
        (found,) = read_result(tmp_path / "r.json").findings
        assert (found.id, found.status) == (fixed, "fixed")
        assert any("AllUsers" in each for each in found.changes)
        run("records", "--account", "999988887777", *options("result"))
        assert read_result(tmp_path / "r.json").findings == []


class TestBadInput:
    def test_a_file_that_is_no_result_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "r.json"
        write_result(path, result(2))
        whole = path.read_bytes()
        assert "can't read none.json" in complaint("report", "none.json", *options("html"))
        for content, said in (
            (
                b'{"format": "snapback-result", "version": 9}',
                "has version 9 of the result format, and this Snapback reads 1",
            ),
            (b"[]", "is no whole result"),
            (b"{}", "is no result of Snapback"),
            (whole[:-30], "is no whole result"),
            (whole.replace(b'"severity":', b'"gravity":'), "is no whole result"),
            (b"\xff\xfe", "is no whole result"),
            (whole.replace(b'"status":"fixed"', b'"status":"safe"'), "'safe' is no status"),
            (whole.replace(b'"severity":"high","time"', b'"severity":"worst","time"'), "'worst' is no severity"),
            (whole.replace(b'"doc":"', b'"docs":"'), "is no whole result"),
            (whole.replace(b'","fixing","', b'","__proto__","'), "'__proto__' is no status"),
            (whole.replace(b'+00:00"', b'"').replace(b'Z","account"', b'","account"'), "is no whole result"),
            (b'{"format":"snapback-result","version":1,"\x1b[2J":' + b"[" * 100_000, "is no whole result"),
        ):
            path.write_bytes(content)
            told = complaint("report", "r.json", *options("html"))
            assert said in told
            assert "\n" not in told
        assert not (tmp_path / "r.html").exists()

    def test_what_is_read_is_never_overwritten(self, tmp_path: Path) -> None:
        log, result_file = tmp_path / "log.jsonl", tmp_path / "r.json"
        log.write_text('{"Records": []}\n')
        write_result(result_file, result(2))
        before = log.read_bytes(), result_file.read_bytes()
        (tmp_path / "link").symlink_to(result_file)
        for words, option in (
            (("report", "r.json", "--html", "r.json"), "--html r.json"),
            (("report", "r.json", "--csv", "link"), "--csv link"),
            (("replay", "log.jsonl", "--sarif", "log.jsonl"), "--sarif log.jsonl"),
            (("replay", "log.jsonl", "--json", "log.jsonl"), "--json log.jsonl"),
            (("replay", ".", "--result", "r.json"), "--result r.json"),
            (("sweep", "--apply", "r.json", "--json", "r.json"), "--json r.json"),
        ):
            assert f"{option} would overwrite what is read; name another file" in complaint(*words)
        assert (log.read_bytes(), result_file.read_bytes()) == before

    def test_what_can_not_be_written_is_said_before_any_work(self) -> None:
        assert "--html -: a report is a file; name one" in complaint("replay", "x.jsonl", "--html", "-")
        assert "there is no folder no" in complaint("replay", "x.jsonl", "--html", "no/r.html")
        assert "a file of its own" in complaint("replay", "x.jsonl", "--html", "r", "--csv", "r")
        assert "nothing to write" in complaint("report", "r.json")


class TestPage:
    def test_it_loads_nothing_and_runs_its_own_script_alone(self) -> None:
        page = report_page(result(12)).decode()
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "require-trusted-types-for 'script'" in policy
        shell = re.sub(r'(?s)id="data">.*?</script>', "", page)
        assert not re.search(r"\ssrc=|url\(|@import|fetch\(|XMLHttpRequest", shell)
        for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert sink not in shell

    def test_no_text_ends_the_data(self) -> None:
        page = report_page(result(1)).decode()
        assert page.count("</script>") == 2
        assert page.count("<script") == 2
        assert "onerror=alert" in page
        assert HOSTILE.partition("\u202e")[0] in data_of(page)["columns"]["resource"][0][0]

    def test_secrets_are_left_out(self) -> None:
        key = "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        secret = record_of(
            Status.FAILED, reason=key, error=key, note=key, by=key, event_name=key, fix=key,
            before={"password": "hunter2-hunter2"}, after={"password": "other-hunter2"},
        )  # fmt: skip
        found = msgspec.json.encode(result_of("records", [secret])).decode()
        assert "wJalrXUtnFEMI" not in found
        assert "hunter2" not in found

    def test_the_page_has_each_finding_once_and_all_of_it(self) -> None:
        one = result(500)
        data = data_of(report_page(one).decode())
        columns = {
            name: column[0] if len(column) == 1 else [column[0][at] for at in column[1]]
            for name, column in data["columns"].items()
        }
        assert columns["id"] == [each.id for each in one.findings]
        assert columns["status"] == [each.status for each in one.findings]
        assert columns["changes"][3] == list(one.findings[3].changes)
        assert {each["technique"] is None for each in data["cards"].values()} == {False}

    def test_above_the_difference_stands_whether_it_was_made(self) -> None:
        titles = {each.status: each.changes_title for each in result(6).findings}
        assert titles == {
            "fixed": "Before → after",
            "alerted": "What the fix would change",
            "asking": "What the fix would change",
            "failed": "What the fix would have changed",
            "unjudged": "What the fix would have changed",
            "undone": "Before → after",
        }

    def test_ten_thousand_findings_fit(self) -> None:
        """By what the second thousand adds: all cards are there with the first."""
        none, one, two = (len(report_page(result(number))) for number in (0, 1000, 2000))
        assert none < 60_000
        assert two + 8 * (two - one) < 6_000_000


def test_a_story_is_a_chain_by_one_actor_with_its_techniques() -> None:
    mallory = Actor("IAMUser", "arn:aws:iam::111122223333:user/mallory", "111122223333", source_ip="198.51.100.7")
    made = [
        record_of(
            Status.ALERTED, id=f"iam.{n:016x}", guardrail=guardrail, actor=mallory, event_time=NOW.replace(hour=hour)
        )
        for n, (guardrail, hour) in enumerate(
            (
                ("iam.access_key_created", 10),
                ("cloudtrail.trail_stopped_or_weakened", 10),
                ("s3.bucket_acl_made_public", 11),
                ("s3.bucket_acl_made_public", 20),
            )
        )
    ]
    swept = replace(made[0], id="iam.00000000000000aa", actor=Actor("Unknown", "", ""), found_by="sweep")
    found = result_of("records", [*made, swept, replace(swept, id="iam.00000000000000ab")])
    (story,) = stories(found.findings, found.cards)
    assert story.actor == "mallory"
    assert [found.findings[at].guardrail for at in story.findings] == [each.guardrail for each in made[:3]]
    assert any(each.startswith("T1562.008 ") for each in story.techniques)


def test_a_fight_names_who_makes_it_unsafe_and_who_fixes_it() -> None:
    again = [
        record_of(Status.FIXING, Status.FIXED, id=f"s3.{n:016x}", event_time=NOW.replace(minute=n)) for n in range(3)
    ]
    undone = record_of(
        Status.FIXING,
        Status.FIXED,
        Status.UNDOING,
        Status.UNDONE,
        id="s3.00000000000000aa",
        by="dana",
        event_time=NOW.replace(minute=9),
    )
    found = result_of(
        "records", [*again, undone, record_of(Status.ALERTED, id="s3.00000000000000ab", arn="arn:aws:s3:::other")]
    )
    (fight,) = fights(found.findings)
    assert (fight.actors, fight.against, len(fight.findings)) == ({"alice": 4}, {"snapback": 4, "dana": 1}, 4)


def test_a_question_that_was_reminded_of_is_exported() -> None:
    asking = record_of(Status.ASKING)
    reminded = replace(asking, history=(*asking.history, Step("2026-11-23T12:00:00.000+00:00", REMINDED, "snapback")))
    (line,) = as_ocsf(result_of("records", [reminded])).splitlines()
    assert json.loads(line) == json.loads(as_ocsf(result_of("records", [asking])))


def test_a_mode_of_fix_is_suggested_after_three_fixes() -> None:
    few, enough = (result_of("records", [_fixed(n) for n in range(count)]) for count in (2, 3))
    assert [noise(each.findings, each.cards, NOW.date())[0].mode for each in (few, enough)] == ["ask", "fix"]


def test_noise_names_the_loudest_and_an_exemption_that_settings_take(tmp_path: Path) -> None:
    bot = Actor("IAMUser", 'arn:aws:iam::111122223333:user/ci "bot"', "111122223333")
    loud = [record_of(Status.ALERTED, id=f"s3.{n:016x}", arn=f"arn:aws:s3:::b{n}", actor=bot) for n in range(9)]
    found = result_of(
        "records", [*loud, *(_fixed(n) for n in range(3)), record_of(Status.ALERTED, guardrail="signin.root_used")]
    )
    first, second, third = noise(found.findings, found.cards, NOW.date())
    assert (first.guardrail, first.times, first.resources, first.actors, first.mode) == (
        loud[0].guardrail,
        9,
        9,
        1,
        "alert",
    )
    assert (second.mode, second.why) == ("fix", "each finding was fixed, and almost no fix was undone")
    assert (third.mode, third.why, third.exemption) == ("alert", "it has no fix", "")
    path = tmp_path / "snapback.yaml"
    path.write_text(first.exemption)
    settings, problems = check(path, NOW.date())
    assert problems == []
    assert settings is not None
    assert all(settings.exemption(each.guardrail, [each.arn], each.actor, NOW) for each in loud)


def _fixed(number: int) -> Record:
    guardrail = "ec2.security_group_opened_to_internet"
    return record_of(
        Status.FIXING, Status.FIXED, id=f"ec2.{number:016x}", guardrail=guardrail, arn=f"arn:aws:ec2:::{number}"
    )


class TestExports:
    def test_csv_has_a_line_a_finding_and_no_formulas(self) -> None:
        evil = record_of(Status.ALERTED, reason='=HYPERLINK("https://x")')
        header, row = csv.reader(io.StringIO(as_csv(result_of("records", [evil])).decode()))
        assert dict(zip(header, row, strict=True))["reason"].startswith("'=HYPERLINK")

    def test_ocsf_is_what_its_models_take(self) -> None:
        """The models want an account's name, which OCSF 1.1.0 recommends and a ledger doesn't hold."""
        model = import_module("py_ocsf_models.events.findings.detection_finding").DetectionFinding
        lines = as_ocsf(result(12)).splitlines()
        assert len(lines) == 12
        for line in lines:
            told = json.loads(line)
            told["cloud"]["account"].setdefault("name", "")
            model(**told)
        assert json.loads(lines[1])["unmapped"]["changes"]

    def test_sarif_has_a_rule_of_each_guardrail_and_a_result_of_each_finding(self) -> None:
        found: Result = result(12)
        (one,) = json.loads(as_sarif(found))["runs"]
        rules = one["tool"]["driver"]["rules"]
        assert [rules[each["ruleIndex"]]["id"] for each in one["results"]] == [
            each.guardrail for each in found.findings
        ]
        assert {each["level"] for each in one["results"]} == {"error", "warning", "note"}
        assert [bool(each.get("suppressions")) for each in one["results"]] == [
            not each.is_unsafe for each in found.findings
        ]
        uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in one["results"]]
        assert not [each for each in uris if re.search(r"[<>\s]", each)]

    def test_sarif_is_what_its_schema_takes(self) -> None:
        """By models made from the standard's own schema, which take no member that it lacks. They don't hold what must be unique."""
        log = import_module("fluidattacks_core.sarif").SarifLog
        for number in (0, 1, len(entries())):
            told = json.loads(as_sarif(result(number)))
            log(**told)
            (one,) = told["runs"]
            rules = one["tool"]["driver"]["rules"]
            assert len({each["id"] for each in rules}) == len(rules) == number
            for each in rules:
                assert len({*each["properties"]["tags"]}) == len(each["properties"]["tags"])
        one["results"][0]["rating"] = "high"
        with pytest.raises(ValueError, match="rating"):
            log(**told)

    def test_no_name_is_a_link_or_a_placeholder_in_sarif(self) -> None:
        evil = record_of(Status.ALERTED, reason="[sign in](https://evil.example.com) {0} \\[")
        (one,) = json.loads(as_sarif(result_of("records", [evil])))["runs"]
        text = one["results"][0]["message"]["text"]
        assert text.startswith(r"\[sign in\](https://evil.example.com) {{0}} \\\[. ")

    def test_compliance_counts_what_a_requirement_concerns(self) -> None:
        records = many(40)
        rows = list(csv.DictReader(io.StringIO(as_compliance(result_of("records", records)).decode())))
        assert {"PCI DSS v4.0.1", "NIST SP 800-53 Rev. 5"} < {each["standard"] for each in rows}
        assert all(int(each["findings"]) >= int(each["unsafe"]) for each in rows)
        assert all(each["guardrails"] for each in rows)
