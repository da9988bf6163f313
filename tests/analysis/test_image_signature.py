from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.image_signature import Trust, verify_bundle, verify_jws, verify_simple
from chalicelib.core.errors import Unsigned
from tests.guardrails.ecr.registry import NOW, bundle, certificate, jws, key, of_certificate, payload, pem, signed

DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
TRUST = Trust([pem(key())])
RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
P384 = ec.generate_private_key(ec.SECP384R1())
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release"


def encoded(private: Any, message: bytes) -> str:
    return b64encode(signed(private, message)).decode()


def why_not(verify: Any, *arguments: Any) -> str:
    with pytest.raises(Unsigned) as caught:
        verify(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("private", [key(), RSA, ED, P384], ids=["P-256", "RSA", "Ed25519", "P-384"])
def test_what_a_key_of_the_settings_signed_is_signed(private: Any) -> None:
    said = payload(DIGEST)
    verify_simple(said, encoded(private, said), DIGEST, Trust([pem(key("another")), pem(private)]))


def test_rsa_signs_with_pss_too_and_p384_with_its_own_hash() -> None:
    said = payload(DIGEST)
    pss = RSA.sign(said, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH), hashes.SHA256())
    verify_simple(said, b64encode(pss).decode(), DIGEST, Trust([pem(RSA)]))
    larger = P384.sign(said, ec.ECDSA(hashes.SHA384()))
    verify_simple(said, b64encode(larger).decode(), DIGEST, Trust([pem(P384)]))


def test_a_key_that_is_not_in_the_settings_is_none() -> None:
    said = payload(DIGEST)
    assert (
        why_not(verify_simple, said, encoded(key("another"), said), DIGEST, TRUST)
        == "is by a key that isn't in the settings"
    )


def test_a_short_rsa_key_is_none() -> None:
    said, short = payload(DIGEST), rsa.generate_private_key(65537, 1024)  # noqa: S505 - that it is short is the point
    assert why_not(verify_simple, said, encoded(short, said), DIGEST, Trust([pem(short)])).startswith(
        "is by a key that isn't in the settings"
    )


def test_a_signature_of_another_image_is_none() -> None:
    said = payload(OTHER)
    assert why_not(verify_simple, said, encoded(key(), said), DIGEST, TRUST) == "signs another image"


def test_what_was_signed_for_another_purpose_is_none() -> None:
    said = payload(DIGEST, "a promise")
    assert why_not(verify_simple, said, encoded(key(), said), DIGEST, TRUST) == "doesn't sign an image"


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_byte_of_a_payload_can_be_changed(at: int, flip: int) -> None:
    said = payload(DIGEST)
    tampered = bytearray(said)
    tampered[at % len(said)] ^= flip
    assert why_not(verify_simple, bytes(tampered), SIGNED, DIGEST, TRUST) == "is by a key that isn't in the settings"


SIGNED = encoded(key(), payload(DIGEST))


@given(blob=st.binary(max_size=200), text=st.text(max_size=80))
def test_whatever_comes_it_is_no_signature_and_no_error(blob: bytes, text: str) -> None:
    why_not(verify_simple, blob, text, DIGEST, TRUST)
    why_not(verify_bundle, blob, DIGEST, TRUST)
    why_not(verify_jws, blob, DIGEST, TRUST, NOW)


@given(
    document=st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["protected", "payload", "header", "x5c", "crit", "dsseEnvelope", "signatures", "sig"]),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_comes_it_is_no_signature_and_no_error(document: Any) -> None:
    blob = json.dumps(document).encode()
    why_not(verify_bundle, blob, DIGEST, TRUST)
    why_not(verify_jws, blob, DIGEST, TRUST, NOW)


def test_a_misspelt_key_is_an_error_and_not_a_missing_signature() -> None:
    wrong = "-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----\n"
    with pytest.raises(ValueError, match=r"require\.releases: a public key can't be read"):
        verify_simple(payload(DIGEST), SIGNED, DIGEST, Trust([wrong]))


def test_a_bundle_is_signed_too() -> None:
    verify_bundle(bundle(DIGEST), DIGEST, TRUST)
    assert (
        why_not(verify_bundle, bundle(DIGEST, key("another")), DIGEST, TRUST)
        == "is by a key that isn't in the settings"
    )
    assert why_not(verify_bundle, bundle(OTHER), DIGEST, TRUST) == "signs another image"
    tampered = json.loads(bundle(DIGEST))
    tampered["dsseEnvelope"]["payload"] = json.loads(bundle(OTHER))["dsseEnvelope"]["payload"]
    assert (
        why_not(verify_bundle, json.dumps(tampered).encode(), OTHER, TRUST) == "is by a key that isn't in the settings"
    )


def test_an_attestation_is_no_signature() -> None:
    scan = bundle(DIGEST, predicate="https://cosign.sigstore.dev/attestation/vuln/v1")
    assert why_not(verify_bundle, scan, DIGEST, TRUST) == "is an attestation, not a signature"


# Notation

ROOT = certificate("root", key("root"), ca=True)
BETWEEN = certificate("between", key("between"), (ROOT, key("root")), ca=True, path_length=0)
LEAF = certificate("release", key("leaf"), (BETWEEN, key("between")))
CHAIN = [LEAF, BETWEEN, ROOT]
DEEP = certificate("too deep", key("deep"), (BETWEEN, key("between")), ca=True)
LIKE = certificate("root", key("another"), ca=True)
ROOTED = Trust([of_certificate(ROOT)])


def signature(**header: Any) -> bytes:
    return jws(DIGEST, key("leaf"), CHAIN, **header)


def tampered(*changes: tuple[bytes, bytes]) -> bytes:
    """An envelope whose signing certificate has these bytes changed; its key, and so its signature, still fits."""
    envelope = json.loads(signature())
    der = LEAF.public_bytes(Encoding.DER)
    for old, new in changes:
        assert len(old) == len(new)
        assert old in der
        der = der.replace(old, new, 1)
    envelope["header"]["x5c"][0] = b64encode(der).decode()
    return json.dumps(envelope).encode()


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (tampered((b"\x55\x1d\x13", b"\x55\x1d\x25")), "has an invalid certificate chain"),
        (tampered((b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04")), "has a certificate that can't be read"),
    ],
    ids=["one extension twice", "version 5"],
)
def test_a_certificate_that_crashes_parsers_signs_nothing(envelope: bytes, why: str) -> None:
    assert why_not(verify_jws, envelope, DIGEST, ROOTED, NOW) == why


@given(number=st.integers(0, 2), at=st.integers(0, 2_000), flip=st.integers(1, 255))
def test_no_byte_of_a_certificate_makes_it_raise(number: int, at: int, flip: int) -> None:
    envelope = json.loads(signature())
    der = bytearray(CHAIN[number].public_bytes(Encoding.DER))
    der[at % len(der)] ^= flip
    envelope["header"]["x5c"][number] = b64encode(bytes(der)).decode()
    with suppress(Unsigned):  # A byte of the root that is brought along means nothing.
        verify_jws(json.dumps(envelope).encode(), DIGEST, Trust([of_certificate(ROOT), of_certificate(BETWEEN)]), NOW)


@pytest.mark.parametrize("issuer", CHAIN, ids=["leaf", "between", "root"])
def test_a_certificate_of_the_settings_vouches_for_what_it_issued(issuer: Any) -> None:
    verify_jws(signature(), DIGEST, Trust([of_certificate(issuer)]), NOW)


def test_an_rsa_certificate_signs_with_pss() -> None:
    leaf = certificate("rsa", RSA, (ROOT, key("root")))
    verify_jws(jws(DIGEST, RSA, [leaf, ROOT]), DIGEST, ROOTED, NOW)


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (jws(OTHER, key("leaf"), CHAIN), "signs another image"),
        (jws(DIGEST, key("another"), CHAIN), "wasn't made by its certificate's key"),
        (signature(alg="none"), "uses an algorithm that Notation doesn't allow for its key"),
        (signature(alg="PS256"), "uses an algorithm that Notation doesn't allow for its key"),
        (signature(cty="application/json"), "isn't a Notation signature"),
        (signature(crit=[]), "isn't a Notation signature"),
        (
            signature(crit=["io.cncf.notary.signingScheme", "com.example.only-on-mondays"]),
            "requires unknown features: com.example.only-on-mondays",
        ),
        (signature(**{"io.cncf.notary.signingScheme": "mine"}), "has an unknown signing scheme"),
        (signature(**{"io.cncf.notary.expiry": (NOW - timedelta(hours=1)).isoformat()}), "has expired"),
        (signature(**{"io.cncf.notary.expiry": "soon"}), "has an invalid time"),
        (jws(DIGEST, key("leaf"), []), "has no certificate chain"),
        (jws(DIGEST, key("leaf"), [LEAF]), "is by a certificate that isn't in the settings"),
        (jws(DIGEST, key("leaf"), [LEAF, ROOT]), "has an invalid certificate chain"),
    ],
)
def test_other_envelopes_are_no_signatures(envelope: bytes, why: str) -> None:
    assert why_not(verify_jws, envelope, DIGEST, ROOTED, NOW) == why


def by(leaf: Any, *chain: Any) -> bytes:
    return jws(DIGEST, key("leaf"), [leaf, *chain])


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        (
            by(certificate("web", key("leaf"), (ROOT, key("root")), usage=ExtendedKeyUsageOID.SERVER_AUTH), ROOT),
            "is by a certificate that isn't for code signing",
        ),
        (
            by(certificate("old", key("leaf"), (ROOT, key("root")), ends=NOW - timedelta(hours=1)), ROOT),
            "is by a certificate that wasn't valid at that time",
        ),
        (
            by(certificate("false", key("leaf"), (LEAF, key("leaf"))), LEAF, BETWEEN, ROOT),
            "has a chain with an issuer that isn't a certificate authority",
        ),
        (
            by(certificate("deep", key("leaf"), (DEEP, key("deep"))), DEEP, BETWEEN, ROOT),
            "has a chain with an issuer that isn't a certificate authority",
        ),
        (
            by(certificate("release", key("leaf"), (ROOT, key("another"))), ROOT),
            "has an invalid certificate chain",
        ),
        (
            by(certificate("release", key("leaf"), (LIKE, key("another"))), LIKE),
            "is by a certificate that isn't in the settings",
        ),
    ],
    ids=["not for code", "expired", "no issuer", "too deep", "not issued", "of the same name"],
)
def test_other_certificates_vouch_for_nothing(envelope: bytes, why: str) -> None:
    assert why_not(verify_jws, envelope, DIGEST, ROOTED, NOW) == why


def of_signer(**more: Any) -> bytes:
    crit = ["io.cncf.notary.signingScheme", "io.cncf.notary.authenticSigningTime", "io.cncf.notary.verificationPlugin"]
    return signature(
        **{
            "crit": crit,
            "io.cncf.notary.signingScheme": "notary.x509.signingAuthority",
            "io.cncf.notary.authenticSigningTime": NOW.isoformat(),
            "io.cncf.notary.verificationPlugin": "com.amazonaws.signer.notation.plugin",
            "com.amazonaws.signer.signingProfileVersion": f"{PROFILE}/awUPb84ibN",
            **more,
        }
    )


def test_aws_signer_signs_with_a_profile_that_is_named() -> None:
    much_later = datetime.now(UTC) + timedelta(days=700)
    trust = Trust([of_certificate(ROOT)], [PROFILE])
    verify_jws(of_signer(), DIGEST, trust, much_later)
    signer = "arn:aws:signer:us-east-1:999988887777:/signing-profiles/release/awUPb84ibN"
    others = of_signer(**{"com.amazonaws.signer.signingProfileVersion": signer})
    why = "is by an AWS Signer profile that isn't in the settings"
    assert why_not(verify_jws, others, DIGEST, trust, NOW) == why
    assert why_not(verify_jws, of_signer(), DIGEST, ROOTED, NOW) == why
