"""cfn-lint over the template as CloudFormation gets it: expanded by SAM's own translator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from snapback.deploy.template.whole import nested_templates

ROOT, BIN = Path(__file__).parents[1], Path(sys.executable).parent
RESOURCES = 500
"""Of a template: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html."""


def expanded(sam: dict[str, Any]) -> dict[str, Any]:
    """The CloudFormation template that a SAM template stands for."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    result: dict[str, Any] = Translator({}, Parser()).translate(sam, {})
    return result


def main() -> int:
    sam = json.loads((ROOT / "build" / "package" / "sam.json").read_text())
    for resource in sam["Resources"].values():  # The translator wants an address; `aws cloudformation package` sets it.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/deployment.zip"
        elif resource["Type"] == "AWS::CloudFormation::Stack":  # From where the expanded template is.
            resource["Properties"]["TemplateURL"] = f"package/{resource['Properties']['TemplateURL']}"
    template = expanded(sam)
    target = ROOT / "build" / "expanded.json"
    target.write_text(json.dumps(template, indent=1))
    others = [ROOT / "build" / "package" / name for name in (*nested_templates(), "member.json", "boundary.json")]
    counts = {path.name: len(json.loads(path.read_text())["Resources"]) for path in (target, *others)}
    code = subprocess.run(
        # W3002 is for who forgets that a nested template's path has to become a URL; by the path, parameters are checked.
        [BIN / "cfn-lint", "--region", "us-east-1", "--ignore-checks", "W3002", "--", target, *others],
        check=False,
    )
    print("resources, of CloudFormation's 500: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    return code.returncode or int(max(counts.values()) > RESOURCES)


if __name__ == "__main__":
    sys.exit(main())
