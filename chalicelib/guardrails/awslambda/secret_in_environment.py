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

    Anyone who can view the function can read the secret, and every published version keeps it. Snapback checks names
    such as DB_PASSWORD and the format of each value. It reports only the names, never the values. References to Secrets
    Manager and Parameter Store don't count.

    Snapback can't judge an unreadable environment, such as one under a customer managed key that Snapback may not use.

    Change the secret, and have the function fetch the new one when it starts. Snapback only reports it: without the
    secret, the function would fail. Exempt false positives.

    Legitimate look-alikes: ARNs of secrets and names of parameters, in variables with such names. They are references
    and don't count. Sample values may still look like secrets: exempt those.
    """
    from chalicelib.analysis.secrets import credential

    environment = function.configured(aws).get("Environment", {})
    variables = environment.get("Variables", {})
    names = sorted(name for name, value in variables.items() if credential(name, value))
    if names:
        return f"its environment may hold a secret: {', '.join(names)}"
    if error := environment.get("Error"):
        raise CannotJudge(f"its environment can't be read: {error.get('ErrorCode')} {error.get('Message')}")
    return None
