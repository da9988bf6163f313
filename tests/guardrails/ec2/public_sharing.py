"""EC2's two settings against sharing with everyone, of images and of snapshots: how their tests set and read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World


@dataclass(frozen=True)
class Setting:
    """`kind` is `image` or `snapshot`, `key` what the API calls the state."""

    kind: str
    key: str

    def call(self, world: World, operation: str, **parameters: str) -> Any:
        return getattr(world.client("ec2"), operation.format(self.kind))(**parameters)

    def opened(self, world: World) -> Envelope:
        self.call(world, "disable_{}_block_public_access")
        name = f"Disable{self.kind.title()}BlockPublicAccess"
        return cloudtrail_event("ec2", name, {f"{name}Request": {}}, {f"{name}Response": {"state": "unblocked"}})

    def closed(self, world: World) -> Envelope:
        envelope = self.opened(world)
        self.call(world, "enable_{}_block_public_access", **{self.key: "block-new-sharing"})
        return envelope

    def whole(self, world: World) -> Any:
        return self.call(world, "get_{}_block_public_access_state")[self.key]

    @property
    def case(self) -> Case:
        return Case(unsafe=(self.opened,), near_misses=(self.closed,), whole=self.whole)
