"""What the tests of guardrails about resource policies share: a resource with a policy, and the ways it lets somebody in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.belongings import endpoint
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, analyzer_finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

BUCKET = "acme-uploads"


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


@dataclass(frozen=True)
class Guarded:
    """One service's resource. `put` makes it with this policy, and answers the event; `text` is its policy now.

    `always`: statements that each of its policies has. `emptied`: the policy when nothing else is left.
    """

    id: str
    arn: str
    action: str
    put: Callable[[World, str], Envelope]
    text: Callable[[World], str | None]
    keeps: Callable[[str], str] = str
    """How the service keeps a text that it is given."""
    where: str = ""
    """What statements have as Resource; empty for the ARN."""
    always: tuple[dict[str, Any], ...] = ()
    emptied: str | None = None
    networks: bool = True
    """Whether VPC endpoints are looked up."""
    buckets: bool = False
    """Whether buckets are."""
    analyzed: str = ""
    """The resource type of IAM Access Analyzer's findings; empty if it has none."""

    def allow(self, principal: Any, sid: str = "Use", **condition: Any) -> dict[str, Any]:
        statement = {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": self.action}
        return statement | {"Resource": self.where or self.arn} | ({"Condition": condition} if condition else {})

    def written(self, *statements: dict[str, Any]) -> str:
        """As a person lays it out, so that an edit that writes it anew shows."""
        listed = ",\n\t".join(json.dumps(each, separators=(", ", " : ")) for each in (*self.always, *statements))
        return f'{{ "Version":"2012-10-17" ,\n "Statement" : [ {listed} ]\n}}'

    def policy(self, *statements: dict[str, Any]) -> Callable[[World], Envelope]:
        return lambda world: self.put(world, self.written(*statements))

    @property
    def friends(self) -> dict[str, Any]:
        return self.allow({"AWS": [root(HOME), root(FRIEND)]}, "Friends")

    @property
    def service(self) -> dict[str, Any]:
        return self.allow({"Service": "events.amazonaws.com"}, "Service", StringEquals={"aws:SourceAccount": HOME})

    def case(
        self,
        whole: Callable[[World], Any],
        remove: Callable[[World], None] | None,
        disturb: Callable[[World], object] | None = None,
        *,
        unsafe: tuple[Callable[[World], Envelope], ...] = (),
        near_misses: tuple[Callable[[World], Envelope], ...] = (),
    ) -> Case:
        unknown = [self.allow({"AWS": [root(FRIEND), root(STRANGER)]}, "Partners")]
        if self.networks:
            unknown.append(self.allow("*", "Net", StringEquals={"aws:SourceVpce": "vpce-0fedcba9876543210"}))
        if self.buckets:
            unknown.append(self.allow("*", "Bucket", ArnLike={"aws:SourceArn": "arn:aws:s3:::strangers-uploads"}))
        return Case(
            unsafe=(
                self.policy(self.friends, self.allow("*", "Everyone"), self.service),
                self.policy(*unknown),
                self._found_by_analyzer if self.analyzed else self._alone,
                *unsafe,
            ),
            near_misses=(
                self.policy(self.friends, self.service, {**self.allow("*", "Nobody"), "Effect": "Deny"}),
                *((self._own,) if self.networks else ()),
                *near_misses,
            ),
            whole=whole,
            remove=remove,
            disturb=disturb,
        )

    def _alone(self, world: World) -> Envelope:
        return self.policy(self.allow({"AWS": root(STRANGER)}))(world)

    def _found_by_analyzer(self, world: World) -> Envelope:
        self._alone(world)
        return analyzer_finding(self.arn, self.analyzed)

    def _own(self, world: World) -> Envelope:
        """For everyone through the account's own endpoint, and for its own bucket."""
        own = [self.allow("*", "Net", StringEquals={"aws:SourceVpce": endpoint(world)})]
        if self.buckets:
            world.client("s3").create_bucket(Bucket=BUCKET)
            own.append(self.allow("*", "Bucket", ArnLike={"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"}))
        return self.policy(*own)(world)
