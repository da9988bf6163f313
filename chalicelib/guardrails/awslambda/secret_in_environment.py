from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.awslambda import CONFIGURED, Function

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Function,
    on=cloudtrail("lambda", *CONFIGURED),
    reads=("lambda:GetFunctionConfiguration",),
)
def secret_in_environment(function: Function, aws: Session) -> str | None:
    """Lambda function with a secret in its environment.

    Whoever may look at the function can read it, and every published version keeps it. It is looked for by names such
    as DB_PASSWORD and by the looks of what is there; only the names are reported, never the values. References to
    Secrets Manager and Parameter Store are none.

    What can't be read, as under a customer managed key that Snapback may not use, isn't judged.

    Change the secret, and have the function fetch the new one when it starts. It is reported, never fixed: without the
    secret, the function would fail. Exempt what only looks like one.

    Legitimate look-alikes: ARNs of secrets and names of parameters stand in variables with such names. They are
    references, and don't count. Samples may still look like secrets: exempt those.
    """
    from chalicelib.analysis.secrets import credential

    environment = function.configured(aws).get("Environment", {})
    variables = environment.get("Variables", {})
    names = sorted(name for name, value in variables.items() if credential(name, value))
    if names:
        return f"what looks like a secret is in its environment: {', '.join(names)}"
    if error := environment.get("Error"):
        raise CannotJudge(f"its environment can't be read: {error.get('ErrorCode')} {error.get('Message')}")
    return None
