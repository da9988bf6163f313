"""The API as CloudFormation will have it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from snapback.deploy.template.whole import template

TEMPLATE = template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
API = RESOURCES["RestAPI"]["Properties"]
CONFIG = json.loads((Path(__file__).parents[3] / ".chalice" / "config.json").read_text())


def test_the_api_is_regional_throttled_and_over_new_tls_only() -> None:
    stage = CONFIG["stages"]["prod"]
    assert (stage["api_gateway_endpoint_type"], stage["api_gateway_stage"]) == ("REGIONAL", "api")
    assert re.fullmatch("SecurityPolicy_TLS13_1_[23]_PFS_.*", API["SecurityPolicy"])
    assert API["EndpointAccessMode"] == "STRICT"
    (all_methods,) = API["MethodSettings"]
    assert (all_methods["HttpMethod"], all_methods["ResourcePath"]) == ("*", "/*")
    assert all_methods["ThrottlingRateLimit"] <= all_methods["ThrottlingBurstLimit"] <= 50
    assert API["OpenApiVersion"], "or SAM makes a stage named `Stage`, which nothing throttles"


def test_what_is_logged_of_a_request_holds_no_query_no_header_and_no_body() -> None:
    assert API["MethodSettings"][0]["DataTraceEnabled"] is False
    line = API["AccessLogSetting"]["Fn::If"][1]["Format"]
    assert "\n" not in line
    used = set(re.findall(r"\$context\.([A-Za-z.]+)", line))
    assert not {each for each in used if re.search("query|header|body|requestOverride|authorizer", each)}
    assert "path" not in used, "the path as asked for; resourcePath is the route"
    assert json.loads(line)


def test_an_account_that_has_no_role_for_it_deploys_without_access_logs() -> None:
    assert TEMPLATE["Parameters"]["ApiAccessLogs"]["Default"] == "no"
    assert RESOURCES["AccessLog"]["Condition"] == API["AccessLogSetting"]["Fn::If"][0] == "LogsAccess"
    assert not [each for each in RESOURCES.values() if each.get("Type") == "AWS::ApiGateway::Account"]


def test_the_functions_know_each_other() -> None:
    handler, notify = (RESOURCES[name]["Properties"]["Environment"]["Variables"] for name in ("APIHandler", "Notify"))
    assert handler["SNAPBACK_ACT"] == {"Ref": "Act"}
    assert notify["SNAPBACK_URL"]["Fn::Sub"].endswith("/api")
    assert "SNAPBACK_URL" not in RESOURCES["Act"]["Properties"]["Environment"]["Variables"], "or they need each other"


def test_errors_that_chalice_turns_into_answers_raise_an_alarm() -> None:
    metric = RESOURCES["ApiFailsAlarm"]["Properties"]
    assert (metric["Namespace"], metric["MetricName"]) == ("AWS/ApiGateway", "5XXError")
    assert {each["Name"]: each["Value"] for each in metric["Dimensions"]} == {"ApiName": "snapback", "Stage": "api"}
    assert CONFIG["app_name"] == "snapback"


def test_a_click_is_not_done_long_after() -> None:
    assert RESOURCES["Act"]["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"] == 900
