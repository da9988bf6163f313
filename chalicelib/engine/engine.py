"""The engine: evaluates events and sweeps, remediates what they find, and does what people decide.

It knows no AWS and no chat: only the ports that it is handed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.decide import Decisions
from chalicelib.engine.evaluate import Evaluation
from chalicelib.engine.look_again import LookAgain
from chalicelib.engine.remediate import Remediation

if TYPE_CHECKING:
    from chalicelib.engine.context import Context


class Engine:
    """All that can be asked of the engine. What each method raises stands with the method."""

    def __init__(self, context: Context) -> None:
        remediation = Remediation(context)
        evaluation, decisions = Evaluation(context, remediation), Decisions(context, remediation)
        self.handle, self.sweep = evaluation.handle, evaluation.sweep
        self.unlisted, self.look_again = evaluation.unlisted, LookAgain(context, evaluation)
        self.approve, self.undo, self.exempt = decisions.approve, decisions.undo, decisions.exempt
        self.refuse, self.follow_up, self.offer_undo = decisions.refuse, decisions.follow_up, decisions.offer_undo
        self.recover = remediation.recover
