from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.analysis.image_signature import BUNDLE, SIMPLE, Trust, verify_bundle, verify_jws, verify_simple
from chalicelib.core.errors import SignatureUnreadable, Unsigned
from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecr.quarantine_image import QuarantineImage
from chalicelib.resources.ecr.images import PUSHED, Image
from chalicelib.resources.ecr.signatures import COSE, READS, Signature, only_data, signatures, signed_by_ecr

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.core.session import Session

FIX = QuarantineImage()


@guardrail(
    severity=Severity.HIGH,
    resource=Image,
    on=PUSHED,
    reads=("ecr:DescribeImageSigningStatus", *READS, *FIX.reads),
    fix=FIX,
    opt_in=True,
    grace=timedelta(minutes=5),
)
def release_image_unsigned(image: Image, aws: Session) -> str | None:
    """Image of a release repository in ECR without a valid signature.

    Nobody vouches that the pipeline built it: it may have been pushed from a stolen laptop or key. `require.releases`
    names the release repositories and the public keys, certificates and profiles of AWS Signer that sign for each. One
    valid signature is enough, and each is verified against those keys, must name this very image by its digest, and is
    looked for where cosign (the tag `sha256-….sig`, or a referrer of OCI 1.1, as a bundle too) and Notation (a
    referrer, JWS) put it. ECR's own signing counts as soon as it is complete, with a profile that is named.

    A signature comes after its image: this waits five minutes. What is no image, such as a signature, an attestation
    or a bill of materials, is exempt, and so are images without a tag: a multi-platform image is signed as a whole.

    The fix archives the image in ECR, so that nobody can pull it, or takes its tags off (`quarantine`). That stops
    deployments and restarts, so this is fixed only where the settings name this guardrail.

    Not looked at: signatures without a key of yours (cosign's "keyless"), transparency logs, Notation's COSE envelopes
    and timestamps, and whether a certificate or a signature by AWS Signer was revoked. To take signatures that AWS
    Signer made on a client, name its root certificate under `keys` and the profile under `profiles`.

    Legitimate look-alikes: signatures, attestations and bills of materials are artifacts in the same repository,
    and images are pushed minutes before they are signed. The first are told apart by their media types and tags,
    the second by five minutes of grace.
    """
    release = aws.baseline.release(image.repository)
    if release is None or not (release.keys or release.profiles):
        return None
    trust = Trust(release.keys, release.profiles)
    if release.profiles and signed_by_ecr(image, release.profiles, aws):
        return None
    why = None if only_data(image, aws) else _why_not_signed(image, trust, aws)
    if why is None:
        return None
    state = FIX.read(image, aws)
    return why if state != FIX.safe(state, FixContext(aws.baseline)) else None


def _why_not_signed(image: Image, trust: Trust, aws: Session) -> str | None:
    """None as soon as one signature is valid; they are looked at one by one.

    Raises SignatureUnreadable, or OSError where that may pass, if none is, and one can't be fetched.
    """
    wrong: list[str] = []
    unread: list[SignatureUnreadable | OSError] = []
    for signature in signatures(image, aws) if trust.pems else ():
        if not isinstance(signature, Signature):
            unread.append(signature)
            continue
        try:
            _verify(signature, image.digest, trust, aws.now)
        except Unsigned as error:
            wrong.append(str(error))
        else:
            return None
    if unread:
        raise next((each for each in unread if isinstance(each, OSError)), unread[0])
    return f"its signature {'; another '.join(dict.fromkeys(wrong))}" if wrong else "nobody signed it"


def _verify(signature: Signature, digest: str, trust: Trust, now: datetime) -> None:
    if signature.media_type == SIMPLE:
        verify_simple(signature.blob, signature.beside, digest, trust)
    elif signature.media_type == BUNDLE:
        verify_bundle(signature.blob, digest, trust)
    elif signature.media_type == COSE:
        raise Unsigned("is COSE, which Snapback can't read")
    else:
        verify_jws(signature.blob, digest, trust, now)
