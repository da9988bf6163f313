"""What the fixes of resource policies share, whatever the service: the state, and how it is read, written and edited.

A new one says how its service gets, puts and deletes a policy. `DropPrincipals` is the edit that most of them need, and
has the question of a guardrail about everyone and unknown accounts alike (`why`). `ClosePolicy` is it for a service that
has a call for each of the three.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from chalicelib.analysis.policy_access import Grant, Outsider, by_statement, format_left_over, let_in, why_undecided
from chalicelib.analysis.policy_document import drop_principals, judged, without_deleted_principals
from chalicelib.analysis.policy_merge import take_back_text
from chalicelib.core.resource import Resource
from chalicelib.core.rule import Fix
from chalicelib.resources.absent import absent
from chalicelib.resources.look_ups import NETWORKS, ORGANIZATION, LookUp, reads_of, why_unsure, with_own

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.rule import FixContext
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

R = TypeVar("R", bound=Resource)
Calls: TypeAlias = "tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]"


class PolicyFix(Fix[R]):
    """An edit of a resource's policy, which keeps every byte that it doesn't have to change.

    The state is `{"account": the resource's owner, "policy": the text, or None where there is no policy}`, with what
    else `facts` has.
    """

    @abstractmethod
    def get_policy(self, resource: R, aws: Session) -> str | None:
        """The text as AWS keeps it; None where there is none."""

    @abstractmethod
    def put_policy(self, resource: R, text: str, aws: Session) -> None: ...

    @abstractmethod
    def delete_policy(self, resource: R, aws: Session) -> None:
        """No error where there is none."""

    def facts(self, resource: R) -> State:
        """What `safe` needs to know of the resource. Records keep it: an undo finds it as it was."""
        return {"account": resource.account}

    def read(self, resource: R, aws: Session) -> State:
        return {**self.facts(resource), "policy": self.get_policy(resource, aws)}

    def write(self, resource: R, state: State, aws: Session) -> None:
        if state["policy"] is None:
            self.delete_policy(resource, aws)
        else:
            self.put_policy(resource, state["policy"], aws)

    def take_back(self, before: State, after: State, now: State) -> State | None:
        """By statement and principal: see `policy_merge`."""
        taken = take_back_text(before["policy"], after["policy"], now["policy"])
        return {**now, "policy": taken[0]} if taken else None


class DropPrincipals(PolicyFix[R]):
    """Remove unknown principals from the policy, and leave the rest of its text."""

    look_ups: ClassVar[tuple[LookUp, ...]] = (ORGANIZATION,)
    """What AWS is asked for before somebody whom the settings don't allow counts as unknown."""
    approval_reads = reads_of(*look_ups)

    @property
    def why_reads(self) -> tuple[str, ...]:
        """IAM actions that `why` needs."""
        return (*self.reads, *reads_of(*self.look_ups))

    def found(self, state: State, baseline: Baseline) -> list[Grant]:
        """Those whom this fix takes out: everyone who isn't known, but AWS services."""
        grants = let_in(state["policy"], baseline, state["account"])
        return [each for each in grants if each.who is not Outsider.SERVICE]

    def unknown(self, state: State, aws: Session) -> list[Grant]:
        """As `found`, once AWS was asked what is the account's own."""
        return with_own(lambda baseline: self.found(state, baseline), state["policy"] or "", self.look_ups, aws)

    def why(self, resource: R, aws: Session) -> str | None:
        """Whom the policy lets in, for a guardrail that is about everyone and unknown accounts alike."""
        state = self.read(resource, aws)
        found = judged(self.unknown(state, aws), state["policy"])
        names = sorted({_format_grant(each) for each in found})
        return f"its policy gives access to {', '.join(names)}{format_left_over(found)}" if names else None

    def emptied(self, state: State) -> str | None:
        """The policy when no statement is left: none, unless the service keeps a policy always."""
        return None

    def read(self, resource: R, aws: Session) -> State:
        """Without principals that have been deleted, since AWS takes no policy with them."""
        state = super().read(resource, aws)
        return {**state, "policy": without_deleted_principals(state["policy"])} if state["policy"] else state

    def safe(self, state: State, context: FixContext) -> State:
        found = self.found(state, context.baseline)
        if not found:
            return state
        return {**state, "policy": drop_principals(state["policy"], by_statement(found)) or self.emptied(state)}

    def needs_approval(self, resource: R, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        unsure = why_unsure(before["policy"], self.look_ups, aws)
        return unsure or why_undecided(self.found(before, aws.baseline))


class ClosePolicy(DropPrincipals[R]):
    """`DropPrincipals`, where AWS has a call that gets a policy, one that puts it, and one that deletes it."""

    look_ups = (ORGANIZATION, NETWORKS)
    approval_reads = reads_of(*look_ups)
    member: ClassVar[str] = "Policy"
    """What the calls call the text."""
    none: ClassVar[frozenset[str]] = frozenset()
    """Error codes by which AWS says that there is no policy."""

    @abstractmethod
    def calls(self, aws: Session) -> Calls:
        """What gets, puts and deletes a policy."""

    @abstractmethod
    def named(self, resource: R) -> dict[str, str]:
        """How the calls name the resource."""

    def get_policy(self, resource: R, aws: Session) -> str | None:
        """Some services answer an empty policy for none."""
        get, *_ = self.calls(aws)
        with absent(*self.none - resource.gone):
            text: str = get(**self.named(resource)).get(self.member, "")
            return None if text in {"", "{}"} else text
        return None

    def put_policy(self, resource: R, text: str, aws: Session) -> None:
        _, put, _ = self.calls(aws)
        put(**self.named(resource), **{self.member: text})

    def delete_policy(self, resource: R, aws: Session) -> None:
        *_, delete = self.calls(aws)
        with absent(*self.none):
            delete(**self.named(resource))


def _format_grant(grant: Grant) -> str:
    """A principal `*` is everyone only where no condition says who."""
    if grant.principal != "*" or grant.who is Outsider.ANYONE:
        return "everyone" if grant.principal == "*" else grant.principal
    return "an unknown organization" if grant.who is Outsider.ORGANIZATION else "an unknown account or network"
