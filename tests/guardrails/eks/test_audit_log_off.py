from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.fixes.eks.log_cluster_audit import LogClusterAudit
from chalicelib.resources.eks import Cluster
from tests.guardrails.eks.clusters import AUDITED, cluster, disturb, in_moto, remove, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from tests.support.world import World

ID = "eks.audit_log_off"
TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


def logs(*types: str) -> Any:
    on = [{"types": sorted(types), "enabled": True}] if types else []
    return {"clusterLogging": [*on, {"types": sorted({*TYPES} - {*types}), "enabled": False}]}


def switched(*, on: bool) -> Any:
    return {"logging": {"clusterLogging": [{"types": ["audit"], "enabled": on}]}}


CASE = Case(
    unsafe=(
        cluster(logging=logs()),
        cluster(logging=logs("api", "scheduler")),
        cluster(then=switched(on=False), event="UpdateClusterConfig"),
    ),
    near_misses=(
        cluster(),
        cluster(logging=logs("audit")),
        cluster(logging=logs(), then=switched(on=True), event="UpdateClusterConfig"),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_other_logs_stay_as_they_are(world: World) -> None:
    world.deliver(cluster(logging=logs("scheduler"))(world), ID)
    on, off = in_moto().logging["clusterLogging"]
    assert on == {"types": ["audit", "scheduler"], "enabled": True}
    assert off["types"] == ["api", "authenticator", "controllerManager"]


@pytest.mark.parametrize(
    ("logging", "on"),
    [(None, False), ({}, False), ({"clusterLogging": []}, False), (AUDITED, True), (logs("api"), False)],
)
def test_what_is_not_told_is_off(logging: Any, on: bool) -> None:
    found = LogClusterAudit().setting({"logging": logging}, {}, Cluster("prod", HOME, REGION))
    assert found == {"audit": on}
