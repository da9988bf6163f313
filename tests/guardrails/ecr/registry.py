"""A registry as pipelines use it: images pushed, signed by cosign and by Notation with keys made here, and attached."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.events import cloudtrail_event, native_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World

NAME = "shop/web"
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
NOTATION = "application/vnd.cncf.notary.signature"
SIGNS = "https://sigstore.dev/cosign/sign/v1"
NOW = datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC)
"""As the world's clock begins: certificates are held against it."""


def blob(world: World, data: bytes, name: str = NAME) -> dict[str, Any]:
    """Upload it as docker does; answers its descriptor, without a media type."""
    ecr = world.client("ecr")
    upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
    ecr.upload_layer_part(
        repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
    )
    digest = f"sha256:{sha256(data).hexdigest()}"
    ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[digest])
    return {"digest": digest, "size": len(data)}


def put(world: World, manifest: dict[str, Any], *tags: str, name: str = NAME) -> str:
    """Push a manifest under its tags; answers its digest."""
    text, digest = json.dumps(manifest), ""
    for tag in tags or ("",):
        made = world.client("ecr").put_image(
            repositoryName=name,
            imageManifest=text,
            imageManifestMediaType=manifest["mediaType"],
            **({"imageTag": tag} if tag else {}),
        )
        digest = made["image"]["imageId"]["imageDigest"]
    return digest


def image(world: World, *tags: str, content: bytes = b"a program", name: str = NAME) -> str:
    """An image of one layer, pushed; answers its digest."""
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blob(world, content, name)}
    config = {"mediaType": CONFIG, **blob(world, b"{}", name)}
    manifest = {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}
    return put(world, manifest, *tags, name=name)


def pushed(digest: str, tag: str = "v1", name: str = NAME, **detail: Any) -> Envelope:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html."""
    said = {"result": "SUCCESS", "repository-name": name, "image-digest": digest, "action-type": "PUSH"}
    return native_event("ecr", "ECR Image Action", {**said, "image-tag": tag, **detail})


def put_image(digest: str, tag: str = "v1", name: str = NAME, **detail: Any) -> Envelope:
    """The same push, as CloudTrail tells of it."""
    parameters = {"repositoryName": name, "imageTag": tag, "registryId": "123456789012", "imageManifest": "{}"}
    made = {"repositoryName": name, "imageId": {"imageDigest": digest, "imageTag": tag}, "registryId": "123456789012"}
    return cloudtrail_event("ecr", "PutImage", parameters, {"image": made}, **detail)


# Keys, and what is signed with them


@cache
def key(name: str = "ours") -> Any:
    """One for each name, on P-256, as `cosign generate-key-pair` makes them."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(private: Any) -> str:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()  # type: ignore[no-any-return]


def signed(private: Any, message: bytes) -> bytes:
    if isinstance(private, RSAPrivateKey):
        return private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.sign(message, ec.ECDSA(hashes.SHA256()))
    return private.sign(message)  # type: ignore[no-any-return]


def payload(digest: str, kind: str = "cosign container image signature") -> bytes:
    critical = {"identity": {"docker-reference": NAME}, "image": {"docker-manifest-digest": digest}, "type": kind}
    return json.dumps({"critical": critical, "optional": None}).encode()


def simple(world: World, private: Any, said: bytes, signature: bytes | None = None) -> dict[str, Any]:
    """A manifest as `cosign sign` pushes it: the payload is the layer, the signature its annotation."""
    encoded = b64encode(signed(private, said) if signature is None else signature).decode()
    layer = {"mediaType": SIMPLE, **blob(world, said), "annotations": {"dev.cosignproject.cosign/signature": encoded}}
    config = {"mediaType": CONFIG, **blob(world, b"{}")}
    return {"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": [layer]}


def cosign(world: World, digest: str, private: Any = None, about: str = "") -> str:
    """Sign an image, under cosign's tag for it; `about` is another digest that the payload names."""
    manifest = simple(world, private or key(), payload(about or digest))
    return put(world, manifest, f"{digest.replace(':', '-')}.sig")


def refer(world: World, digest: str, media_type: str, data: bytes, artifact_type: str) -> str:
    """Attach a blob to an image as OCI 1.1 has it."""
    subject = {"mediaType": OCI, "digest": digest, "size": 1}
    config = {"mediaType": "application/vnd.oci.empty.v1+json", **blob(world, b"{}")}
    manifest = {"schemaVersion": 2, "mediaType": OCI, "artifactType": artifact_type, "config": config}
    return put(world, {**manifest, "layers": [{"mediaType": media_type, **blob(world, data)}], "subject": subject})


def bundle(digest: str, private: Any = None, predicate: str = SIGNS) -> bytes:
    """As cosign 3 signs."""
    subject = [{"name": "", "digest": {"sha256": digest.removeprefix("sha256:")}}]
    said = json.dumps(
        {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": predicate}
    ).encode()
    kind = b"application/vnd.in-toto+json"
    pae = b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(said)).encode(), said])
    signatures = [{"sig": b64encode(signed(private or key(), pae)).decode(), "keyid": ""}]
    envelope = {"payload": b64encode(said).decode(), "payloadType": kind.decode(), "signatures": signatures}
    return json.dumps({"mediaType": BUNDLE, "verificationMaterial": {}, "dsseEnvelope": envelope}).encode()


# Notation


def certificate(name: str, private: Any, issuer: Any = None, *, ca: bool = False, **more: Any) -> x509.Certificate:
    """Issued by `issuer`, a certificate and its key, or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, by_key = issuer or (None, private)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.subject if by else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(more.get("begins", NOW - timedelta(days=1)))
        .not_valid_after(more.get("ends", NOW + timedelta(days=1)))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=more.get("path_length")), critical=True)
    )
    if not ca:
        usage = more.get("usage", ExtendedKeyUsageOID.CODE_SIGNING)
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return made.sign(by_key, hashes.SHA256())


def of_certificate(made: x509.Certificate) -> str:
    return made.public_bytes(Encoding.PEM).decode()


def url64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def jws(digest: str, private: Any, chain: list[x509.Certificate], **header: Any) -> bytes:
    """As `notation sign` makes it; `header` overrides its protected header's fields."""
    protected = {
        "alg": "ES256" if isinstance(private, ec.EllipticCurvePrivateKey) else "PS256",
        "cty": "application/vnd.cncf.notary.payload.v1+json",
        "crit": ["io.cncf.notary.signingScheme"],
        "io.cncf.notary.signingScheme": "notary.x509",
        "io.cncf.notary.signingTime": NOW.isoformat(),
    }
    said = {"targetArtifact": {"mediaType": OCI, "digest": digest, "size": 1}}
    outer = {
        "payload": url64(json.dumps(said).encode()),
        "protected": url64(json.dumps({**protected, **header}).encode()),
    }
    message = f"{outer['protected']}.{outer['payload']}".encode()
    if isinstance(private, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32) + s.to_bytes(32)
    else:
        signature = private.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    x5c = [b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]
    return json.dumps({**outer, "header": {"x5c": x5c}, "signature": url64(signature)}).encode()
