"""Server certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import global_region, partition
from chalicelib.core.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class ServerCertificate(Resource):
    """A TLS certificate kept in IAM, by its name."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::ServerCertificate"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:ListServerCertificates",)
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:ListServerCertificateTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListServerCertificates",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:server-certificate/{self.id}"

    def arns(self, aws: Session) -> tuple[str, ...]:
        """With the path that the list tells."""
        own = [each["Arn"] for each in self.listed(aws) if each["ServerCertificateName"] == self.id]
        return (*own, self.arn)

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """None: a certificate expires without an event."""
        del event
        return ()

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        if aws.region == global_region(aws.region):
            for each in cls.listed(aws):
                yield cls(each["ServerCertificateName"], aws.account, aws.region)

    @staticmethod
    def listed(aws: Session) -> Iterator[Mapping[str, Any]]:
        """What ListServerCertificates tells of each: ServerCertificateName, Expiration. One list does for all."""
        for page in aws.client("iam").get_paginator("list_server_certificates").paginate():
            yield from page["ServerCertificateMetadataList"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        pages = aws.client("iam").get_paginator("list_server_certificate_tags").paginate(ServerCertificateName=self.id)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
