"""The resource policy of the Glue Data Catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.absent import absent
from chalicelib.resources.glue import Catalog
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class CloseCatalogPolicy(DropPrincipals[Catalog]):
    """Remove unknown principals from the Data Catalog's policy, and leave the rest of its text."""

    document = "glue:catalog-policy"
    reads = ("glue:GetResourcePolicy",)
    writes = ("glue:PutResourcePolicy", "glue:DeleteResourcePolicy")
    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)

    def get_policy(self, resource: Catalog, aws: Session) -> str | None:
        with absent("EntityNotFoundException"):
            text: str | None = aws.client("glue").get_resource_policy().get("PolicyInJson")
            return text
        return None

    def put_policy(self, resource: Catalog, text: str, aws: Session) -> None:
        # Without EnableHybrid, Glue refuses a policy beside grants of Lake Formation, which it leaves as they are.
        aws.client("glue").put_resource_policy(PolicyInJson=text, EnableHybrid="TRUE")

    def delete_policy(self, resource: Catalog, aws: Session) -> None:
        with absent("EntityNotFoundException"):
            aws.client("glue").delete_resource_policy()
