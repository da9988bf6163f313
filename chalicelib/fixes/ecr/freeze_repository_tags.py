"""Whether a tag in a repository can be moved to another image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ecr.repositories import Repository

_FROZEN, _BUT = "IMMUTABLE", "_WITH_EXCLUSION"


class FreezeRepositoryTags(Fix["Repository"]):
    """Make the repository's tags immutable.

    `but` are the patterns of tags for which the opposite holds. What immutability leaves out stays so, `sha256-*` for
    cosign say, unless it leaves out every tag.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
    """

    document = "ecr:tag-mutability"
    reads = ("ecr:DescribeRepositories",)
    writes = ("ecr:PutImageTagMutability",)

    def read(self, resource: Repository, aws: Session) -> State:
        (found,) = aws.client("ecr").describe_repositories(repositoryNames=[resource.id])["repositories"]
        filters = found.get("imageTagMutabilityExclusionFilters") or []
        return {"mutability": found.get("imageTagMutability", "MUTABLE"), "but": [each["filter"] for each in filters]}

    def safe(self, state: State, context: FixContext) -> State:
        if not state["mutability"].startswith(_FROZEN):
            return {"mutability": _FROZEN, "but": []}
        but = [each for each in state["but"] if each.strip("*")]
        if but == state["but"]:
            return state
        return {"mutability": f"{_FROZEN}{_BUT}" if but else _FROZEN, "but": but}

    def write(self, resource: Repository, state: State, aws: Session) -> None:
        ecr: Any = aws.client("ecr")
        filters = [{"filterType": "WILDCARD", "filter": each} for each in state["but"]]
        ecr.put_image_tag_mutability(
            repositoryName=resource.id,
            imageTagMutability=state["mutability"],
            **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
        )
