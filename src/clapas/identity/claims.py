"""Zero-touch: a new device shows a claim code, or a certificate of its maker, and is let in by itself.

A code is ``clc-`` and twenty letters of Crockford's base 32 (100 random bits, no I, L, O, U), for any
keyboard or QR code; only its proof is kept. Over HTTP a code is exchanged for a token; over MQTT it is
the password itself, and then belongs to the devices that used it.

A certificate (RFC 5280) is issued by an authority of ``identity.device_authorities``; its common name is
the device. The device signs ``clapas-claim\\n<device>\\n<moment>`` with the certificate's key, at most
five minutes ago: who copied a certificate cannot claim with it.
"""

import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from clapas.domain.errors import BadSetting, InvalidInput
from clapas.domain.identifiers import DEVICE, normalise_device
from clapas.identity.errors import ClaimRefused
from clapas.identity.secrets import Pepper
from clapas.identity.settings import Settings
from clapas.store.fleet_claims import Claims as ClaimStore
from clapas.store.fleet_claims import NewClaim

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE = re.compile(r"^clc-[0-9A-Z]{5}(?:-[0-9A-Z]{5}){3}$", re.IGNORECASE)
MISREAD = str.maketrans("OIL", "011")
FRESH = timedelta(minutes=5)
LONGEST_LIFE = timedelta(days=3 * 366)


class Claims:
    """Makes codes, and lets devices in by a code or by a certificate."""

    def __init__(self, store: ClaimStore, pepper: Pepper, *, settings: Settings) -> None:
        self.store = store
        self._pepper = pepper
        self._settings = settings

    async def make(self, claim: NewClaim, *, actor: str) -> tuple[int, str]:
        """A new code with its number; the code is told this once. Raises InvalidInput."""
        now = datetime.now(UTC)
        if not now < claim.expires <= now + LONGEST_LIFE:
            raise InvalidInput("a claim code ends within three years", field="expires")
        if not 1 <= claim.uses <= 100_000 or (claim.device and claim.uses != 1):
            raise InvalidInput("one use for a named device, else 1 to 100,000", field="uses")
        if claim.device and not DEVICE.match(claim.device):
            raise InvalidInput("not a device's id", field="device")
        letters = "".join(secrets.choice(LETTERS) for _ in range(20))
        code = "clc-" + "-".join(letters[at : at + 5] for at in range(0, 20, 5))
        number = await self.store.add(claim, proof=self._proof(code), actor=actor)
        return number, code

    async def by_code(self, code: str, device: str) -> str:
        """The key of the device that a code lets in, now or before. Raises ClaimRefused."""
        key = _key(device)
        if not CODE.match(code.strip()):
            raise ClaimRefused(reason="unknown")
        outcome = await self.store.redeem(self._proof(code), key)
        if outcome not in {"claimed", "again"}:
            raise ClaimRefused(reason=outcome)
        return key

    async def by_certificate(
        self, pem: str, *, device: str, moment: datetime, signature: bytes
    ) -> str:
        """The key of the device that a certificate names; an unknown device is then proposed.

        Raises ClaimRefused, BadSetting.
        """
        key = _key(device)
        if abs(datetime.now(UTC) - moment) > FRESH:
            raise ClaimRefused(reason="stale")
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except ValueError as error:
            raise InvalidInput("this is not a certificate (PEM)", field="certificate") from error
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if len(names) != 1 or normalise_device(str(names[0].value)) != key:
            raise ClaimRefused(reason="other_device")
        if not self._issued(certificate):
            raise ClaimRefused(reason="unknown")
        said = f"clapas-claim\n{key}\n{moment.astimezone(UTC).isoformat()}".encode()
        if not _signed(certificate, signature, said=said):
            raise ClaimRefused(reason="signature")
        await self.store.introduce(key)
        return key

    def _issued(self, certificate: x509.Certificate) -> bool:
        now = datetime.now(UTC)
        live = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
        return live and any(_issues(each, certificate, now=now) for each in self._authorities())

    def _authorities(self) -> list[x509.Certificate]:
        path = self._settings.device_authorities
        if not path:
            return []
        try:
            return x509.load_pem_x509_certificates(Path(path).read_bytes())
        except (OSError, ValueError) as error:
            raise BadSetting(
                "the authorities of devices cannot be read", key="identity.device_authorities"
            ) from error

    def _proof(self, code: str) -> bytes:
        plain = code.strip().upper().removeprefix("CLC-").translate(MISREAD)
        return self._pepper.proof("claim", plain)


def _key(device: str) -> str:
    key = normalise_device(device)
    if not DEVICE.match(key):
        raise InvalidInput("not a device's id", field="device")
    return key


def _issues(authority: x509.Certificate, leaf: x509.Certificate, *, now: datetime) -> bool:
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        leaf.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature):
        return False
    live = authority.not_valid_before_utc <= now < authority.not_valid_after_utc
    return constraints.value.ca and live


def _signed(certificate: x509.Certificate, signature: bytes, *, said: bytes) -> bool:
    """ECDSA or RSA (PKCS #1 v1.5) with SHA-256, or Ed25519, as the certificate's key is."""
    public = certificate.public_key()
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, said, ec.ECDSA(SHA256()))
        elif isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, said, padding.PKCS1v15(), SHA256())
        elif isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, said)
        else:
            return False
    except InvalidSignature:
        return False
    return True
