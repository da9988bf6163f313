from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.awslambda import CONFIGURED, Function

if TYPE_CHECKING:
    from chalicelib.core.session import Session

END = {
    name: date.fromisoformat(day)
    for day, names in {
        "2016-10-31": "nodejs",
        "2019-05-30": "dotnetcore2.0",
        "2019-06-27": "dotnetcore1.0",
        "2019-08-12": "nodejs6.10",
        "2020-03-05": "nodejs4.3 nodejs4.3-edge",
        "2020-03-06": "nodejs8.10",
        "2021-07-15": "python2.7",
        "2021-07-30": "nodejs10.x ruby2.5",
        "2022-01-05": "dotnetcore2.1",
        "2022-07-18": "python3.6",
        "2023-03-31": "nodejs12.x",
        "2023-04-03": "dotnetcore3.1",
        "2023-12-04": "nodejs14.x python3.7",
        "2023-12-07": "ruby2.7",
        "2024-01-08": "go1.x java8 provided",
        "2024-06-12": "nodejs16.x",
        "2024-10-14": "python3.8",
        "2024-12-20": "dotnet6",
        "2025-09-01": "nodejs18.x",
        "2025-12-15": "python3.9",
        "2026-03-31": "ruby3.2",
        "2026-04-30": "nodejs20.x",
        "2026-07-31": "provided.al2",
        "2026-10-31": "python3.10",
        "2026-11-10": "dotnet8",
        "2027-03-31": "ruby3.3",
        "2027-04-30": "nodejs22.x",
        "2027-06-30": "java8.al2 java11 java17 python3.11",
        "2028-03-31": "ruby3.4",
        "2028-04-30": "nodejs24.x",
        "2028-10-31": "python3.12",
        "2028-11-14": "dotnet10",
        "2029-06-30": "java21 java25 provided.al2023 python3.13 python3.14",
    }.items()
    for name in names.split()
}
"""The day from which AWS no longer patches a runtime, as announced by August 2026. AWS has postponed such days before.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""


@guardrail(
    severity=Severity.LOW,
    resource=Function,
    on=any_of(cloudtrail("lambda", *CONFIGURED), SCHEDULED),
    reads=("lambda:GetFunctionConfiguration",),
)
def runtime_deprecated(function: Function, aws: Session) -> str | None:
    """Lambda runtime past end of support.

    After a runtime's deprecation, AWS no longer patches it, and later blocks creating and updating functions that use
    it. The dates are those that AWS announced by August 2026
    (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html). Runtimes not in that table, and functions from
    container images, are not evaluated. Snapback only reports it: the code must first be tested on another runtime.
    Snapback evaluates each change, and all functions once a day.

    Legitimate look-alikes: none. AWS no longer patches a deprecated runtime, whatever runs in it. Exempt functions that
    you are about to retire.
    """
    runtime = text(function.configured(aws), "Runtime") or ""
    end = END.get(runtime)
    return f"its runtime {runtime} is deprecated since {end}" if end and end <= aws.now.date() else None
