"""What the settings of an EKS cluster have in common: EKS takes a change at once, and carries it out in minutes."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import NotYet
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.eks import Cluster


class ClusterSetting(Fix["Cluster"]):
    """A setting of a cluster, which counts as what an update that is under way makes of it.

    So an event is judged by what it asked for, though DescribeCluster tells the old setting for minutes. An undo is done
    when EKS has taken it; a fix only when EKS has carried it out.
    """

    reads = ("eks:DescribeCluster", "eks:ListUpdates", "eks:DescribeUpdate")

    @abstractmethod
    def setting(self, cluster: Mapping[str, Any], under_way: Mapping[str, Any], resource: Cluster) -> State:
        """From DescribeCluster's answer and what `Cluster.under_way` says."""

    @abstractmethod
    def change(self, resource: Cluster, state: State, eks: Any) -> None: ...

    def coming(self, resource: Cluster, aws: Session) -> State:
        """The setting as it is, or will be when EKS is done."""
        return self.setting(resource.described(aws), resource.under_way(aws), resource)

    def read(self, resource: Cluster, aws: Session) -> State:
        """Raises NotYet while EKS is about what makes it safe: it may still fail."""
        coming = self.coming(resource, aws)
        if (
            coming != self.setting(resource.described(aws), {}, resource)
            and self.safe(coming, FixContext(aws.baseline)) == coming
        ):
            raise NotYet("EKS is still carrying out the update")
        return coming

    def write(self, resource: Cluster, state: State, aws: Session) -> None:
        if self.coming(resource, aws) != state:
            self.change(resource, state, aws.client("eks"))
