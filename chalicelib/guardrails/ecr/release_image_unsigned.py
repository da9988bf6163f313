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
    """Release image in ECR without a valid signature.

    Nothing proves that the pipeline built it: someone may have pushed it from a stolen laptop or key.
    `require.releases` names the release repositories, and the public keys, certificates and AWS Signer profiles that
    sign for each. One valid signature is enough. Snapback verifies each against those keys; it must name this image by
    its digest. Snapback finds signatures by cosign (the tag `sha256-….sig`, or an OCI 1.1 referrer, as a bundle too)
    and by Notation (a referrer, JWS). ECR's own signing counts once it is complete, with a profile that is named.

    Images are signed after the push, so Snapback waits five minutes. Artifacts that aren't images, such as signatures,
    attestations and SBOMs, are exempt. So are images without a tag: a multi-platform image is signed as a whole.

    The fix archives the image in ECR, so nobody can pull it, or removes its tags (`quarantine`). This stops deployments
    and restarts, so the fix runs only where the settings name this guardrail.

    Snapback doesn't check signatures without a key of yours (cosign's "keyless"), transparency logs, Notation's COSE
    envelopes and timestamps, or whether a certificate or an AWS Signer signature was revoked. To accept signatures that
    AWS Signer made on a client, name its root certificate under `keys` and the profile under `profiles`.

    Legitimate look-alikes: signatures, attestations and SBOMs in the same repository, and images that are pushed
    minutes before they are signed. Media types and tags tell the first apart; five minutes of grace cover the second.
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
