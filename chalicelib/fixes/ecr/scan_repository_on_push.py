"""ECR's setting, by repository, to scan what is pushed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecr.repositories import Repository


class ScanRepositoryOnPush(Fix["Repository"]):
    """Turn on scan on push in the repository's own setting.

    With enhanced scanning only the registry's filters count, which hold for other repositories too: nothing to do here.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """

    document = "ecr:scanning"
    reads = ("ecr:DescribeRepositories", "ecr:GetRegistryScanningConfiguration")
    writes = ("ecr:PutImageScanningConfiguration",)

    def read(self, resource: Repository, aws: Session) -> State:
        ecr = aws.client("ecr")
        (repository,) = ecr.describe_repositories(repositoryNames=[resource.id])["repositories"]
        return {
            "scan_on_push": repository.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            "scan_type": ecr.get_registry_scanning_configuration()["scanningConfiguration"].get("scanType", "BASIC"),
        }

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "scan_on_push": state["scan_on_push"] or state["scan_type"] == "BASIC"}

    def write(self, resource: Repository, state: State, aws: Session) -> None:
        aws.client("ecr").put_image_scanning_configuration(
            repositoryName=resource.id, imageScanningConfiguration={"scanOnPush": state["scan_on_push"]}
        )
