"""Services that watch an account in a region: on, suspended (set up, and not at work), or off (not set up)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.baseline import Detection
    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Account
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

Status = Literal["on", "suspended", "off"]


class TurnDetectionOn(Fix["Account"]):
    """Turn the service on again.

    The state is `{"status"}`. A suspended service was set up once, and is turned on again. One that is off is turned on
    if `require.detection` names it: else nothing tells whether it was ever wanted.
    """

    name: ClassVar[Detection]
    """As in `require.detection`."""
    title: ClassVar[str]
    """As AWS calls the service."""
    price: ClassVar[str] = ""
    """What AWS charges for it, if a person is to know that first."""

    @abstractmethod
    def status(self, aws: Session) -> Status: ...

    @abstractmethod
    def turn(self, status: Status, now: Status, aws: Session) -> None:
        """From the status that it has now to another one."""

    def why(self, account: Account, aws: Session) -> str | None:
        """For a guardrail: why the account isn't watched."""
        status = self.status(aws)
        if status == "suspended":
            return f"{self.title} is suspended in {account.region}"
        if status == "off" and self.name in aws.baseline.require.detection:
            return f"{self.title} is off in {account.region}, and require.detection names it"
        return None

    def read(self, resource: Account, aws: Session) -> State:
        return {"status": self.status(aws)}

    def safe(self, state: State, context: FixContext) -> State:
        wanted = state["status"] == "suspended" or self.name in context.baseline.require.detection
        return {**state, "status": "on"} if wanted else state

    def write(self, resource: Account, state: State, aws: Session) -> None:
        now = self.status(aws)
        if now != state["status"]:
            self.turn(state["status"], now, aws)

    def needs_approval(self, resource: Account, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        if not self.price or self.name in aws.baseline.require.detection:
            return None
        return f"{self.title} costs {self.price}, and require.detection doesn't name it"
