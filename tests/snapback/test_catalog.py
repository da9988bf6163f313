"""`snapback catalog` and `explain`: from the index alone, and quick."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from chalicelib import catalog as rules
from snapback.catalog import entries, requirements, techniques
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import complaint, run

WITH_FIX = {rule.id for rule in rules.guardrails() if rule.fix}


def ids(*arguments: str) -> set[str]:
    return {json.loads(line)["id"] for line in run("catalog", "--json", *arguments).stdout.splitlines()}


def test_all_of_it_is_listed() -> None:
    shown = run("catalog").stdout
    assert all(f" {rule.id}\n" in shown for rule in rules.all_rules())
    assert shown.endswith(f"{len(rules.all_rules())} in all; `snapback explain GUARDRAIL` shows one in detail.\n")


@pytest.mark.parametrize(
    ("option", "found"),
    [
        (("s3.*",), {rule.id for rule in rules.rules("s3")}),
        (("--service", "s3", "--service", "sqs"), {rule.id for name in ("s3", "sqs") for rule in rules.rules(name)}),
        (("--severity", "critical"), {rule.id for rule in rules.all_rules() if rule.severity == "critical"}),
        (("--can-fix",), WITH_FIX),
        (("--can-undo",), {rule.id for rule in rules.guardrails() if rule.fix and rule.fix.reversible}),
        (("--control", "s3.8"), {rule.id for rule in rules.all_rules() if "S3.8" in rule.controls}),
        (("--control", "CIS-5.0 *"), {rule.id for rule in rules.all_rules() if "CIS-5.0" in str(rule.controls)}),
        (("--compliance", "pci dss v4.0.1 1.4.4", "--service", "ecs"), {"ecs.service_with_public_addresses"}),
        (("--technique", "T1530", acl.ID), {acl.ID}),
        (("--technique", "cloud storage", acl.ID), {acl.ID}),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_filters(option: tuple[str, ...], found: set[str]) -> None:
    assert found
    assert ids(*option) == found


def test_what_fits_nothing_is_bad_input() -> None:
    assert complaint("catalog", "s3.nope") == "no guardrail matches 's3.nope'; `snapback catalog` lists all"
    assert (
        complaint("catalog", "--service", "s3", "--control", "EC2.1")
        == "no guardrail fits these options; `snapback catalog` lists all"
    )
    assert complaint("catalog", "--service", "s4").startswith(
        "no service 's4'; the services are awslambda, cloudtrail, "
    )


def test_one_is_explained() -> None:
    shown = " ".join(run("explain", acl.ID).stdout.split())
    for part in (
        "Why it matters",
        "Anyone on the internet",
        "BucketOwnerEnforced",
        "s3:x-amz-acl",
        "T1530",
        "can be undone",
    ):
        assert part in shown
    one = json.loads(run("explain", acl.ID, "--json").stdout)
    assert one["writes"] == ["s3:PutBucketAcl"]
    assert "PutBucketAcl" in one["events"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            "s3.bucket_acl_made_publik",
            "no guardrail 's3.bucket_acl_made_publik', did you mean s3.bucket_acl_made_public",
        ),
        ("boundary", "no guardrail 'boundary', did you mean iam.boundary_removed?"),
        ("zzz", "no guardrail 'zzz'; `snapback catalog` lists all"),
        ("s3.", "no guardrail 's3.'; `snapback catalog '*s3.*'` lists the "),
    ],
)
def test_an_unknown_one_is_one_line_with_those_most_like_it(asked: str, said: str) -> None:
    line = complaint("explain", asked)
    assert line.startswith(said)
    assert "\n" not in line


@pytest.mark.parametrize("width", [80, 120])
def test_each_card_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for snippets, and addresses, which are copied."""
    from snapback import catalog_text

    monkeypatch.setenv("COLUMNS", str(width))
    lines = [line for entry in entries() for line in catalog_text.card(entry)]
    assert [
        each
        for each in lines
        if "\n" not in each and not each.startswith("    ") and len(each) > width and "https://" not in each
    ] == []


def test_each_entry_is_whole() -> None:
    assert [each["id"] for each in entries()] == [rule.id for rule in rules.all_rules()]
    for entry in entries():
        assert entry["events"]
        assert entry["legitimate"]
        assert bool(entry["reads"]) == (entry["kind"] == "guardrail")
        assert all(requirements(entry))
        assert all(techniques(entry))


def test_it_imports_neither_rules_nor_aws() -> None:
    """That is what takes the time: half a second of CPU, where the index takes a tenth."""
    asked = "import sys; from snapback.cli import main; main(['catalog'])"
    code = f"import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n{asked}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stderr.split()
    assert "snapback.catalog" in loaded
    slow = (
        "boto3",
        "botocore",
        "moto",
        "rich",
        "yaml",
        "msgspec",
        "chalicelib.guardrails",
        "chalicelib.catalog",
        "chalicelib.wiring",
    )
    assert [name for name in slow if name in loaded] == []
