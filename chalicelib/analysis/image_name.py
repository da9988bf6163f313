"""Names of container images, as tasks and functions take them, and where they may come from."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chalicelib.core.partitions import ANY_SUFFIX

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline

_HOSTS = rf"{ANY_SUFFIX}|on\.aws"
_ECR = re.compile(rf"([0-9]{{12}})\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:{_HOSTS})")
_BY_DIGEST = re.compile(r".+@[A-Za-z0-9_+.-]+:[A-Fa-f0-9]{32,}", re.DOTALL)


def registry(image: str) -> str:
    """The host that an image is pulled from: Docker Hub's, where the name tells none.

    https://github.com/distribution/reference: the first part is a host if it has a dot or a port, or is `localhost`.
    """
    first, slash, _ = image.partition("/")
    return first.lower() if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def untrusted(image: str, baseline: Baseline, account: str) -> str | None:
    """Why an image may not run, by what the settings say of images, or None.

    An account's own ECR is always known. While `allow.registries` names none, any is.
    """
    host = registry(image)
    name = image if host != "docker.io" or image.startswith("docker.io/") else f"docker.io/{image}"
    own = _ECR.fullmatch(host)
    if baseline.allow.registries and not (own and own[1] == account):
        name = re.split(r"@|:(?=[^/]*$)", name)[0]
        if not any(fnmatchcase(name, entry) or fnmatchcase(name, f"{entry}/*") for entry in baseline.allow.registries):
            return "isn't from a registry in allow.registries"
    if baseline.require.images_by_digest and not _BY_DIGEST.fullmatch(image):
        return "isn't named by its digest"
    return None
