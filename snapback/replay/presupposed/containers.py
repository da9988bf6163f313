"""Images, repositories and clusters."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import dig, rows, text
from chalicelib.core.partitions import partition_of
from snapback.replay.presupposed.call import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snapback.memory_aws.memory import MemoryAws
    from snapback.replay.aliases import Aliases
    from snapback.replay.presupposed.call import MakeNamed


def _repository(call: Call, name: str) -> str:
    call.client("ecr").create_repository(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    return f"repository {name}, scanned on push"


def _ecs_cluster(call: Call, name: str) -> str:
    call.client("ecs").create_cluster(clusterName=name.rsplit("/", 1)[-1])
    return f"cluster {name.rsplit('/', 1)[-1]}"


def _task_definition(call: Call, name: str) -> str:
    family = name.rsplit("/", 1)[-1].partition(":")[0]
    image = f"{call.account}.dkr.ecr.{call.region}.{partition_of(call.region).dns_suffix}/presupposed"
    container = {"name": "presupposed", "image": image, "memory": 128, "readonlyRootFilesystem": True}
    call.client("ecs").register_task_definition(family=family, containerDefinitions=[container])
    return f"task definition {family}, harmless"


def _ecs_service(call: Call, name: str) -> str:
    ecs, name = call.client("ecs"), name.rsplit("/", 1)[-1]
    cluster = call.parameters.get("cluster", "default").rsplit("/", 1)[-1]
    _ecs_cluster(call, cluster)
    _task_definition(call, "presupposed")
    ecs.create_service(cluster=cluster, serviceName=name, taskDefinition="presupposed", desiredCount=1)
    return f"service {name}, without public addresses"


def _eks_cluster(call: Call, name: str) -> str:
    key = f"arn:{call.partition}:kms:{call.region}:{call.account}:key/presupposed"
    call.client("eks").create_cluster(
        name=name,
        roleArn=f"arn:{call.partition}:iam::{call.account}:role/presupposed",
        resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True, "publicAccessCidrs": []},
        logging={"clusterLogging": [{"types": ["audit"], "enabled": True}]},
        encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}],
    )
    return f"cluster {name}, private, with an audit log, encrypted"


def _access_entry(call: Call, principal: str) -> str:
    eks, cluster = call.client("eks"), call.parameters.get("clusterName", "")
    with suppress(eks.exceptions.ResourceInUseException):
        _eks_cluster(call, cluster)
    eks.create_access_entry(clusterName=cluster, principalArn=principal)
    return f"access entry of {principal}"


def scanned_image(aws: MemoryAws, aliases: Aliases, detail: Mapping[str, Any], account: str, region: str) -> str:
    """The image that an "ECR Image Scan" event tells of, with the findings that it counts; answers what was made.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    name, digest = text(detail, "repository-name"), text(detail, "image-digest")
    if name is None or digest is None:
        raise ValueError("the event names no repository or image")
    name = name.partition(":repository/")[2] or name
    tags = [tag for tag in rows(detail, "image-tags") if isinstance(tag, str) and tag]
    counted = dig(detail, "finding-severity-counts") or {}
    counts = {str(level): int(count) for level, count in counted.items() if count}
    call = Call(aws, aliases, "ecr", "", account, region, {})
    ecr = call.client("ecr")
    made: list[str] = []
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        made.append(_repository(call, name))
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 1, "digest": digest}
    media_type = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": layer, "layers": [layer]})
    for tag in tags or [""]:
        tagged = {"imageTag": tag} if tags else {}
        with suppress(ecr.exceptions.ImageAlreadyExistsException):
            ecr.put_image(repositoryName=name, imageManifest=manifest, imageDigest=digest, **tagged)
            made.append(f"image {tag or digest[:19]}")
    findings = {
        "registryId": account,
        "repositoryName": name,
        "imageScanStatus": {"status": "COMPLETE", "description": "The scan was completed successfully."},
        "imageScanFindings": {"findings": [], "findingSeverityCounts": counts},
    }
    for reference in (digest, *tags):
        image = {"imageDigest": digest} | ({"imageTag": tags[0]} if tags else {})
        aws.scans[region, name, reference] = {**findings, "imageId": image}
    return f"presupposed {', '.join(made)}" if made else ""


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("ecr", "repositoryName"): _repository,
    ("ecs", "cluster"): _ecs_cluster,
    ("ecs", "service"): _ecs_service,
    ("ecs", "taskDefinition"): _task_definition,
    ("eks", "clusterName"): _eks_cluster,
    ("eks", "name"): _eks_cluster,
    ("eks", "principalArn"): _access_entry,
}
