"""The call that presupposes something, as those who make it see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Baseline
from chalicelib.core.partitions import partition

if TYPE_CHECKING:
    from chalicelib.core.baseline import RequiredTrail
    from snapback.memory_aws.memory import MemoryAws
    from snapback.replay.aliases import Aliases


class Call:
    """`parameters` are the call's own, with the ids that memory gave."""

    def __init__(
        self,
        aws: MemoryAws,
        aliases: Aliases,
        service: str,
        operation: str,
        account: str,
        region: str,
        parameters: dict[str, Any],
        baseline: Baseline | None = None,
    ) -> None:
        self.aws, self.aliases, self.service, self.operation = aws, aliases, service, operation
        self.account, self.region, self.parameters = account, region, parameters
        self.baseline = baseline or Baseline()
        self.blind: set[str] = set()
        """Guardrails, as globs, that can't judge what the call is about: what is presupposed isn't known."""

    def client(self, service: str) -> Any:
        return self.aws.actor(service, self.account, self.region)

    def required_trail(self, name: str) -> RequiredTrail | None:
        """What the settings want of a trail, by its name or ARN."""
        return self.baseline.require.trails.get(name.rsplit("/", 1)[-1])

    @property
    def partition(self) -> str:
        return partition(self.region)


MakeById = Callable[[Call], str]
"""Makes the thing that an id's prefix stands for, and answers its id in memory."""
MakeNamed = Callable[[Call, str], str]
"""Makes the thing that a parameter names, and answers what to call it, or '' when nothing was made."""
