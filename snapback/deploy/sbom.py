"""What the package is made of: sbom.cdx.json (CycloneDX) and SHA256SUMS, the same bytes for the same package."""

from __future__ import annotations

import json
import re
import uuid
from importlib.metadata import Distribution, distribution, distributions
from typing import TYPE_CHECKING, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name, parse_wheel_filename

from snapback.deploy.package import MADE, NOTIFY_ZIP, ZIP
from snapback.deploy.wheels import digest
from snapback.project import project

if TYPE_CHECKING:
    from pathlib import Path

SBOM, SUMS = "sbom.cdx.json", "SHA256SUMS"


def sbom(folder: Path, wheels: Path) -> dict[str, Any]:
    """CycloneDX 1.6 of a package: what is in its zips, with the hashes of the wheels that it came from, and Chalice.

    It has no time, and its serial number follows from the rest.
    https://cyclonedx.org/docs/1.6/json/
    """
    digests = {parse_wheel_filename(wheel.name)[:2]: digest(wheel) for wheel in wheels.glob("*.whl")}
    zips = [path for name in (ZIP, NOTIFY_ZIP) if (path := folder / name).exists()]
    vendored = {canonicalize_name(each.name): each for each in distributions(path=[str(path) for path in zips])}
    libraries = {
        name: _component(each, hashes=[_sha256(digests[name, parse_wheel_filename(_wheel(each))[1]])])
        for name, each in sorted(vendored.items())
    }
    chalice = _component(distribution("chalice"), description="Only chalice/app.py and chalice/__init__.py are there.")
    ours = distribution("snapback-aws")
    whole = _component(ours, purl=None, type=ComponentType.APPLICATION, hashes=[_sha256(digest(folder / ZIP))])
    bom = Bom(components=[*libraries.values(), chalice])
    bom.metadata.component = whole
    bom.register_dependency(whole, [chalice, *(libraries[name] for name in _asked_for("lambda"))])
    for name, each in vendored.items():
        bom.register_dependency(libraries[name], [libraries[other] for other in _needed(each) if other in libraries])
    if len(zips) > 1:
        notify = Component(
            name=NOTIFY_ZIP, type=ComponentType.FILE, bom_ref=NOTIFY_ZIP, hashes=[_sha256(digest(zips[1]))]
        )
        bom.components.add(notify)
        bom.register_dependency(whole, [notify])
        bom.register_dependency(notify, [libraries[name] for name in _asked_for("apprise")])
    made: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    del made["serialNumber"], made["metadata"]["timestamp"]
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(made, sort_keys=True))
    return {**made, "serialNumber": serial.urn}


def write(folder: Path, wheels: Path) -> list[str]:
    """Both files, into a package's folder; answers what SHA256SUMS names. `sha256sum -c SHA256SUMS` checks it there."""
    text = json.dumps(sbom(folder, wheels), indent=2, sort_keys=True)
    (folder / SBOM).write_text(f"{text}\n")
    names = sorted(name for name in (*MADE, SBOM) if (folder / name).exists())
    (folder / SUMS).write_text("".join(f"{digest(folder / name)}  {name}\n" for name in names))
    return names


def _component(found: Distribution, **more: Any) -> Component:
    name, version = canonicalize_name(found.name), found.version
    about = found.metadata.json
    # Some packages have the whole license text here: its first line is enough.
    named = str(about.get("license_expression") or about.get("license", "")).partition("\n")[0]
    licenses = [LicenseFactory().make_from_string(named)] if named else []
    given = {"purl": PackageURL("pypi", None, name, version), "licenses": licenses, **more}
    return Component(bom_ref=f"{name}@{version}", name=name, version=version, **given)


def _sha256(content: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=content)


def _wheel(found: Distribution) -> str:
    """A file name with its version as wheels write it."""
    return f"{re.sub('[-_.]+', '_', found.name)}-{found.version}-py3-none-any.whl"


def _asked_for(name: str) -> list[NormalizedName]:
    """The libraries that we import ourselves, in an order."""
    lines = project(f"requirements/{name}.in").read_text().splitlines()
    return sorted(canonicalize_name(Requirement(line).name) for line in lines)


def _needed(found: Distribution) -> list[NormalizedName]:
    needed = [Requirement(each) for each in found.requires or []]
    return [canonicalize_name(each.name) for each in needed if not each.marker or "extra" not in str(each.marker)]
