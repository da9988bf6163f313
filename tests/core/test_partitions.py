"""The table is botocore's; ARNs and sweeps are right in each partition."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore
import msgspec
import pytest

from chalicelib import catalog
from chalicelib.analysis.image_name import untrusted
from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.event import Actor
from chalicelib.core.partitions import (
    PARTITIONS,
    REGION,
    Partition,
    global_region,
    global_regions,
    is_of_aws,
    partition,
    partition_of,
    root_arns,
)
from chalicelib.core.resource import Account, revive
from chalicelib.core.settings import Settings
from chalicelib.resources.ec2.volumes import Volume
from chalicelib.resources.iam.identities import Role
from chalicelib.resources.s3 import Bucket
from chalicelib.sweep.places import Place, is_global, places
from chalicelib.sweep.queues import places_of
from snapback.deploy.template import member
from tests.support.events import HOME

DATA = Path(botocore.__file__).parent / "data"
KNOWN: list[dict[str, Any]] = json.loads((DATA / "partitions.json").read_text())["partitions"]
SERVICES: dict[str, Any] = {
    each["partition"]: each["services"] for each in json.loads((DATA / "endpoints.json").read_text())["partitions"]
}
REGIONS = [(name, each["id"]) for each in KNOWN for name in each["regions"] if not name.endswith("-global")]


def scope(known: dict[str, Any], service: str) -> str | None:
    """The region that a global service's requests are signed for, where botocore has one."""
    found = SERVICES[known["id"]].get(service, {})
    endpoint = found.get("endpoints", {}).get(found.get("partitionEndpoint"), {})
    return endpoint.get("credentialScope", {}).get("region")  # type: ignore[no-any-return]


def botocore_has() -> dict[str, Partition]:
    found: dict[str, Partition] = {}
    for each in KNOWN:
        outputs = each["outputs"]
        region = scope(each, "iam") or outputs["implicitGlobalRegion"]
        organizations = scope(each, "organizations")
        own = None if organizations in {None, region} else organizations
        found[each["id"]] = Partition(each["id"], each["regionRegex"], outputs["dnsSuffix"], region, own)
    return found


def test_the_table_is_botocores() -> None:
    assert {each.name: each for each in PARTITIONS} == botocore_has()


@pytest.mark.parametrize(("region", "name"), REGIONS)
def test_each_region_of_botocore_has_its_partition(region: str, name: str) -> None:
    assert partition(region) == name
    assert REGION.fullmatch(region)
    assert msgspec.convert({"regions": [region]}, Settings).regions == {region}


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("eu-east-9", "aws"),
        ("cn-south-1", "aws-cn"),
        ("us-gov-north-1", "aws-us-gov"),
        ("eusc-de-west-2", "aws-eusc"),
        ("us-isob-south-1", "aws-iso-b"),
        ("xx-moon-1", "aws"),
    ],
)
def test_a_region_newer_than_botocore_is_known_by_its_name(region: str, name: str) -> None:
    assert partition(region) == name


@pytest.mark.parametrize("region", ["", "us-east-1.example.com", "us-east-1/x", "us-east-1\n", "US-EAST-1", "global"])
def test_no_region_can_name_another_host(region: str) -> None:
    assert not REGION.fullmatch(region)


class Signed(Exception):
    """The request would have been sent now."""


@pytest.mark.parametrize("service", ["iam", "organizations"])
@pytest.mark.parametrize("region", {name: region for region, name in REGIONS}.values())
def test_botocore_signs_for_the_global_region(region: str, service: str) -> None:
    client: Any = boto3.Session("key", "secret", region_name=region).client(service)  # type: ignore[call-overload]

    def send(request: Any, **_: Any) -> None:
        raise Signed(request.headers["Authorization"].decode().split("/")[2])

    client.meta.events.register("before-send", send)
    with pytest.raises(Signed, match=f"^{global_region(region, service)}$"):
        getattr(client, {"iam": "list_users", "organizations": "describe_organization"}[service])()


@pytest.mark.parametrize(("region", "name"), REGIONS)
def test_arns_have_the_partition_of_their_region(region: str, name: str) -> None:
    assert Account(HOME, HOME, region).arn == f"arn:{name}:iam::{HOME}:root"
    assert Bucket("app-media", HOME, region).arn == f"arn:{name}:s3:::app-media"
    assert Role("role/app", HOME, region).arn == f"arn:{name}:iam::{HOME}:role/app"
    assert Volume("vol-1", HOME, region).arn == f"arn:{name}:ec2:{region}:{HOME}:volume/vol-1"


@pytest.mark.parametrize("there", PARTITIONS, ids=lambda each: each.name)
def test_each_kind_of_resource_has_an_arn_of_its_partition(there: Partition) -> None:
    for kind in {guardrail.resource.kind() for guardrail in catalog.guardrails()}:
        name = f"arn:{there.name}:ram:x" if kind == "ram.ResourceShare" else "a/b/c"  # A share's id is its ARN.
        arn = revive(kind, name, HOME, there.global_region).arn
        assert arn.startswith(f"arn:{there.name}:"), kind
        assert arn.split(":")[3] in {there.global_region, "", "x"}, kind


@pytest.mark.parametrize("there", PARTITIONS, ids=lambda each: each.name)
def test_endpoints_are_hosts_of_the_table(there: Partition) -> None:
    session = boto3.Session("key", "secret", region_name=there.global_region)
    for service in ("s3", "sts", "iam", "organizations", "cloudformation"):
        client: Any = session.client(service)
        host = urlsplit(client.meta.endpoint_url).hostname
        assert host.endswith(f".{there.dns_suffix}"), service
        assert is_of_aws(host)


@pytest.mark.parametrize(
    "name", ["ram.amazonaws.com.example.com", "amazonaws.com", "evil-amazonaws.com", "198.51.100.7", ""]
)
def test_other_names_are_not_of_aws(name: str) -> None:
    assert not is_of_aws(name)


@pytest.mark.parametrize("there", PARTITIONS, ids=lambda each: each.name)
def test_a_service_is_known_by_its_address(there: Partition) -> None:
    detail = {"userIdentity": {}, "sourceIPAddress": f"autoscaling.{there.dns_suffix}"}
    assert Actor.of(detail, HOME).kind == "AWSService"


_CANONICAL = {
    "analysis/escalation_paths.py": "both sides are written so",
    "analysis/policy_document.py": "both sides are written so",
    "analysis/policy_escalation.py": "both sides are written so",
    "analysis/policy_reach.py": "both sides are written so",
}


def test_no_code_writes_an_arn_of_one_partition() -> None:
    """An f-string or a text that isn't a docstring: those that are compared as one partition's are named above."""
    root = Path(catalog.__file__).parent
    found = set()
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text())
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings)
        if any(isinstance(node.value, str) and re.search(r"arn:aws(-[a-z]+)*:", node.value) for node in texts):
            found.add(path.relative_to(root).as_posix())
    assert found == set(_CANONICAL)


@pytest.mark.parametrize(("region", "name"), REGIONS)
def test_a_sweep_from_any_region_meets_each_global_kind_once(region: str, name: str) -> None:
    settings = Settings(regions=frozenset(other for other, of in REGIONS if of == name))
    found = places_of(settings, catalog.guardrails(), {HOME}, region)
    where: dict[str, set[str]] = {}
    for place, rules in found.items():
        for rule in rules:
            where.setdefault(rule.id, set()).add(place.region)
    for rule in catalog.guardrails():
        if rule.id in where and is_global(rule):
            assert where[rule.id] == {global_region(region, rule.service)}
        elif rule.id in where:
            assert where[rule.id] == settings.regions
    assert Place(HOME, global_region(region), "iam.Role") in found


def test_organizations_has_a_region_of_its_own_in_china() -> None:
    found = places(catalog.guardrails(), Settings(), {HOME}, {"cn-north-1"}, global_regions("cn-north-1"))
    assert Place(HOME, "cn-northwest-1", "organizations.OrganizationPolicy") in found
    assert Place(HOME, "cn-north-1", "iam.Role") in found
    assert {place.kind for place in found if place.region == "cn-northwest-1"} == {"organizations.OrganizationPolicy"}


def test_members_forward_what_is_global_from_the_regions_where_it_is() -> None:
    conditions = member.template()["Conditions"]["HearsGlobal"]["Fn::Or"]
    assert len(conditions) <= 10, "CloudFormation takes no more"
    assert {each["Fn::Equals"][1] for each in conditions} == {
        region for name, _ in REGIONS for region in global_regions(name)
    }


def test_a_whole_account_is_let_in_in_each_partition() -> None:
    for arn in root_arns(HOME):
        assert Baseline(allow=Allow(principals=(arn,))).principal(HOME)
        assert not Baseline(allow=Allow(principals=(arn,))).principal("999999999999")


@pytest.mark.parametrize("region", sorted({each.global_region for each in PARTITIONS}))
def test_an_accounts_own_registry_is_known_in_each_partition(region: str) -> None:
    baseline = Baseline(allow=Allow(registries=("docker.io/library",)))
    image = f"{HOME}.dkr.ecr.{region}.{partition_of(region).dns_suffix}/app:1"
    assert untrusted(image, baseline, HOME) is None
    assert untrusted(f"{image.replace('/app', '.example.com/app')}", baseline, HOME)
