"""Signatures of container images, verified against public keys and certificates. Pure: bytes in, an answer out.

Three forms: cosign's simple signing, cosign's Sigstore bundle, and Notation's JWS. Keys and certificates come from the
settings alone; what a signature brings along (a certificate, a chain) is believed only as far as those vouch for it.
"""

from __future__ import annotations

import json
from base64 import b64decode, urlsafe_b64decode
from binascii import Error
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import Unsigned
from chalicelib.core.event import dig, parse_time, rows, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cryptography.x509 import Certificate

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
"""https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md."""
SIMPLE_SIGNATURE = "dev.cosignproject.cosign/signature"
"""The annotation of a layer that holds the signature of what is in the layer."""
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
"""https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md."""
JWS = "application/jose+json"
"""https://github.com/notaryproject/specifications/blob/main/specs/signature-envelope-jws.md."""
_IN_TOTO = "application/vnd.in-toto+json"
_SIGNS = "https://sigstore.dev/cosign/sign/v1"
"""The predicate by which cosign signs. An attestation, of a scan say, is about the image too, but no approval of it."""
_PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
_NOTARY, _SIGNER = "io.cncf.notary.", "com.amazonaws.signer."
_SCHEME, _EXPIRY = f"{_NOTARY}signingScheme", f"{_NOTARY}expiry"
_PROFILE = f"{_SIGNER}signingProfileVersion"
_UNDERSTOOD = {"", _SCHEME, _EXPIRY, f"{_NOTARY}authenticSigningTime"}
_OF_SIGNER = {
    f"{_NOTARY}verificationPlugin",
    f"{_NOTARY}verificationPluginMinVersion",
    _PROFILE,
    f"{_SIGNER}signingJob",
}
"""Headers that may be critical; the latter with AWS Signer's signatures, whose profile is judged here."""
_LONGEST_CHAIN = 10
_MOST = 10
"""Signatures in one envelope that are tried."""
_LEAST_RSA_BITS = 2048


@dataclass(frozen=True)
class Trust:
    """Who may sign: public keys and certificates as PEM, and globs of AWS Signer's profiles."""

    pems: Sequence[str]
    profiles: Sequence[str] = ()

    def keys(self) -> list[Any]:
        """The public keys. Raises ValueError for what is none, so that a typing error is no missing signature."""
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        return self._loaded("PUBLIC KEY", load_pem_public_key)

    def certificates(self) -> list[Certificate]:
        from cryptography.x509 import load_pem_x509_certificate

        return self._loaded("CERTIFICATE", load_pem_x509_certificate)

    def _loaded(self, kind: str, load: Callable[[bytes], Any]) -> list[Any]:
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            return [load(pem.encode()) for pem in self.pems if f"BEGIN {kind}" in pem]
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ValueError(f"require.releases: a {kind.lower()} can't be read: {error}") from None


def verify_simple(payload: bytes, signature: str, digest: str, trust: Trust) -> None:
    """Raise Unsigned unless a key signed this payload, and the payload names the image by its digest."""
    _verify_by_any(trust.keys(), payload, _decoded(signature))
    said = _object(payload)
    if text(said, "critical", "type") not in {"cosign container image signature", _SIGNS}:
        raise Unsigned("doesn't sign an image")
    _same(text(said, "critical", "image", "docker-manifest-digest"), digest)


def verify_bundle(bundle: bytes, digest: str, trust: Trust) -> None:
    """Raise Unsigned unless a key signed the bundle's statement, by which cosign signs, about this image."""
    envelope = dig(_object(bundle), "dsseEnvelope")
    kind = text(envelope, "payloadType") or ""
    payload = _decoded(text(envelope, "payload"))
    signed = b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(payload), payload)
    _verify_by_any(
        trust.keys(), signed, *(_decoded(text(each, "sig")) for each in rows(envelope, "signatures")[:_MOST])
    )
    said = _object(payload)
    if kind != _IN_TOTO or text(said, "predicateType") != _SIGNS:
        raise Unsigned("is an attestation, not a signature")
    algorithm, _, value = digest.partition(":")
    if value not in [text(subject, "digest", algorithm) for subject in rows(said, "subject")]:
        raise Unsigned("signs another image")


def verify_jws(envelope: bytes, digest: str, trust: Trust, now: datetime) -> None:
    """Raise Unsigned unless a code signing certificate that ours vouch for signed this image, and it holds still.

    A signature by AWS Signer counts if its profile is among ours too, since Amazon's certificate vouches for all of its
    customers. Whether a certificate or signature was revoked is not asked.
    """
    outer = _object(envelope)
    protected, payload = text(outer, "protected") or "", text(outer, "payload") or ""
    header, said = _object(_decoded_url(protected)), _object(_decoded_url(payload))
    chain = _chain(rows(outer, "header", "x5c"))
    _verify_jws(
        chain[0], text(header, "alg"), _decoded_url(text(outer, "signature")), f"{protected}.{payload}".encode()
    )
    critical = {each if isinstance(each, str) else repr(each) for each in rows(header, "crit")}
    scheme = text(header, _SCHEME)
    if text(header, "cty") != _PAYLOAD or _SCHEME not in critical:
        raise Unsigned("isn't a Notation signature")
    if _PROFILE in header and not _by_profile(header, trust):
        raise Unsigned("is by an AWS Signer profile that isn't in the settings")
    if unknown := critical - _UNDERSTOOD - (_OF_SIGNER if _PROFILE in header else set()):
        raise Unsigned(f"requires unknown features: {', '.join(sorted(unknown))}")
    at = now
    if scheme == "notary.x509.signingAuthority":
        at = _time(text(header, f"{_NOTARY}authenticSigningTime"))
    elif scheme != "notary.x509":
        raise Unsigned("has an unknown signing scheme")
    if _EXPIRY in header and _time(text(header, _EXPIRY)) <= now:
        raise Unsigned("has expired")
    _vouched(chain, trust.certificates(), at)
    _same(text(said, "targetArtifact", "digest"), digest)


@contextmanager
def _unsigned_if_raised(why: str) -> Iterator[None]:
    """A certificate or a signature of somebody's choice makes cryptography raise nearly anything: DuplicateExtension, say."""
    try:
        yield
    except Unsigned:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, such a signature vouches for nothing
        raise Unsigned(why) from None


def _by_profile(header: Any, trust: Trust) -> bool:
    """Whether AWS Signer made it with a profile of ours. `arn:aws:signer:…:/signing-profiles/NAME/VERSION`."""
    profile = (text(header, _PROFILE) or "").rpartition("/")[0]
    return any(fnmatchcase(profile, glob) for glob in trust.profiles)


def _same(named: str | None, digest: str) -> None:
    if named != digest:
        raise Unsigned("signs another image")


def _time(value: str | None) -> datetime:
    found = parse_time(value)
    if found is None:
        raise Unsigned("has an invalid time")
    return found


def _object(value: bytes) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unsigned("can't be read")
    return found


def _decoded(value: str | None) -> bytes:
    try:
        return b64decode(value or "", validate=True)
    except (Error, ValueError):
        raise Unsigned("can't be read") from None


def _decoded_url(value: str | None) -> bytes:
    try:
        return urlsafe_b64decode((value or "") + "=" * (-len(value or "") % 4))
    except (Error, ValueError):
        raise Unsigned("can't be read") from None


def _verify_by_any(keys: Iterable[Any], message: bytes, *signatures: bytes) -> None:
    if not any(_verifies(key, signature, message) for key in keys for signature in signatures):
        raise Unsigned("is by a key that isn't in the settings")


def _verifies(key: Any, signature: bytes, message: bytes) -> bool:
    """By the ways in which cosign signs with such a key; it says nowhere which one it took."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    ways: list[tuple[Any, ...]] = []
    if isinstance(key, ed25519.Ed25519PublicKey):
        ways = [()]
    elif isinstance(key, ec.EllipticCurvePublicKey):
        larger = {384: hashes.SHA384(), 521: hashes.SHA512()}
        ways = [(ec.ECDSA(sha),) for sha in (hashes.SHA256(), larger.get(key.key_size)) if sha]
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        ways = [(padding.PKCS1v15(), hashes.SHA256()), (pss, hashes.SHA256())]
    return any(_is_signed(key, signature, message, *way) for way in ways)


def _is_signed(key: Any, signature: bytes, message: bytes, *way: Any) -> bool:
    with suppress(Unsigned), _unsigned_if_raised("can't be read"):
        key.verify(signature, message, *way)
        return True
    return False


def _chain(encoded: list[Any]) -> list[Certificate]:
    """The certificates that a signature brings along, the signing one first."""
    from cryptography.x509 import load_der_x509_certificate

    if not 0 < len(encoded) <= _LONGEST_CHAIN:
        raise Unsigned("has no certificate chain")
    with _unsigned_if_raised("has a certificate that can't be read"):
        return [load_der_x509_certificate(_decoded(each if isinstance(each, str) else None)) for each in encoded]


def _verify_jws(signer: Certificate, algorithm: str | None, signature: bytes, message: bytes) -> None:
    """The algorithm is the key's, whatever the header says: it must only say the same."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    size: int
    with _unsigned_if_raised("has a key that can't be read"):
        key = signer.public_key()
    ok = False
    if isinstance(key, ec.EllipticCurvePublicKey):
        by_size: dict[int, Any] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        sha, size = by_size.get(key.key_size), (key.key_size + 7) // 8
        if sha and algorithm == f"ES{sha.digest_size * 8}" and len(signature) == 2 * size:
            halves = (int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))
            way: tuple[Any, ...] = (ec.ECDSA(sha),)
            signature, ok = encode_dss_signature(*halves), True
    elif isinstance(key, rsa.RSAPublicKey):
        by_size = {2048: hashes.SHA256(), 3072: hashes.SHA384(), 4096: hashes.SHA512()}
        sha = by_size.get(key.key_size)
        if sha and algorithm == f"PS{sha.digest_size * 8}":
            way, ok = (padding.PSS(padding.MGF1(sha), sha.digest_size), sha), True
    if not ok:
        raise Unsigned("uses an algorithm that Notation doesn't allow for its key")
    with _unsigned_if_raised("wasn't made by its certificate's key"):
        key.verify(signature, message, *way)  # type: ignore[union-attr]


def _vouched(chain: list[Certificate], trusted: list[Certificate], at: datetime) -> None:
    """Each certificate is issued by the next, up to one that we trust, and all hold at that time.

    https://github.com/notaryproject/specifications/blob/main/specs/signature-specification.md#certificate-requirements
    """
    from cryptography.x509 import BasicConstraints, ExtendedKeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID

    with _unsigned_if_raised("has an invalid certificate chain"):
        if ExtendedKeyUsageOID.CODE_SIGNING not in chain[0].extensions.get_extension_for_class(ExtendedKeyUsage).value:
            raise Unsigned("is by a certificate that isn't for code signing")
        for number, certificate in enumerate(chain):
            if number:
                may = certificate.extensions.get_extension_for_class(BasicConstraints).value
                if not may.ca or (may.path_length is not None and may.path_length < number - 1):
                    raise Unsigned("has a chain with an issuer that isn't a certificate authority")
            if not certificate.not_valid_before_utc <= at.astimezone(UTC) <= certificate.not_valid_after_utc:
                raise Unsigned("is by a certificate that wasn't valid at that time")
            if certificate in trusted:
                return
            if number + 1 < len(chain):
                certificate.verify_directly_issued_by(chain[number + 1])
    raise Unsigned("is by a certificate that isn't in the settings")
