"""What the package is made of: sbom.cdx.json (CycloneDX) and SHA256SUMS, the same bytes for the same package."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import uuid
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

ROOT = Path(__file__).parents[2]
SBOM, SUMS = "sbom.cdx.json", "SHA256SUMS"


def sbom(archive: Path, vendor: Path, wheels: Path) -> dict[str, Any]:
    """CycloneDX 1.6 of a package: what is in `vendor`, with the hashes of the wheels that it came from, and Chalice.

    boto3 is not in it: Lambda's runtime brings that. It has no time, and its serial number follows from the rest.
    https://cyclonedx.org/docs/1.6/json/
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    digests = {parse_wheel_filename(wheel.name)[:2]: digest(wheel) for wheel in wheels.glob("*.whl")}
    vendored = {canonicalize_name(each.name): each for each in distributions(path=[str(vendor)])}
    libraries = {
        name: _component(each, hashes=[_sha256(digests[name, parse_wheel_filename(_wheel(each))[1]])])
        for name, each in sorted(vendored.items())
    }
    chalice = _component(distribution("chalice"), description="Only chalice/app.py and chalice/__init__.py are there.")
    whole = _component(
        None,
        name=project["name"],
        version=project["version"],
        type=ComponentType.APPLICATION,
        licenses=[LicenseFactory().make_from_string(project["license"])],
        hashes=[_sha256(digest(archive))],
    )
    bom = Bom(components=[*libraries.values(), chalice])
    bom.metadata.component = whole
    direct = {canonicalize_name(Requirement(each).name) for each in project["dependencies"]}
    bom.register_dependency(whole, [chalice, *(libraries[name] for name in sorted(direct))])
    for name, each in vendored.items():
        bom.register_dependency(libraries[name], [libraries[other] for other in _needed(each) if other in libraries])
    made: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del made["serialNumber"], made["metadata"]["timestamp"]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(made, sort_keys=True))
    return {**made, "serialNumber": serial.urn}


def write(folder: Path, vendor: Path, wheels: Path) -> list[str]:
    """Both files, into a package's folder; answers what SHA256SUMS names. `sha256sum -c SHA256SUMS` checks it there."""
    text = json.dumps(sbom(folder / "deployment.zip", vendor, wheels), indent=2, sort_keys=True)
    (folder / SBOM).write_text(f"{text}\n")
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{digest(folder / name)}  {name}\n" for name in names))
    return names


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _component(found: Distribution | None, **more: Any) -> Component:
    if found:
        name, version = canonicalize_name(found.name), found.version
        purl = PackageURL("pypi", None, name, version)
        about = found.metadata.json
        named = str(about.get("license_expression") or about.get("license", "")).partition("\n")[
            0
        ]  # Or its whole text.
        licenses = [LicenseFactory().make_from_string(named)] if named else []
        more = {"name": name, "version": version, "purl": purl, "licenses": licenses, **more}
    return Component(bom_ref=f"{more['name']}@{more['version']}", **more)


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _wheel(found: Distribution) -> str:
    """A file name with its version as wheels write it."""
    return f"{re.sub('[-_.]+', '_', found.name)}-{found.version}-py3-none-any.whl"


def _needed(found: Distribution) -> list[NormalizedName]:
    needed = [Requirement(each) for each in found.requires or []]
    return [canonicalize_name(each.name) for each in needed if not each.marker or "extra" not in str(each.marker)]
