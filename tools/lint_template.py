"""cfn-lint over the template as CloudFormation gets it: expanded by SAM's own translator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


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
    template = expanded(sam)
    target = ROOT / "build" / "expanded.json"
    target.write_text(json.dumps(template, indent=1))
    others = [ROOT / "build" / "package" / name for name in ("member.json", "boundary.json")]
    count = len(template["Resources"])
    code = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", "--region", "us-east-1", "--", target, *others], check=False
    )
    print(f"{target.relative_to(ROOT)}: {count} resources of CloudFormation's 500")
    return code.returncode or int(count > 500)  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main())
