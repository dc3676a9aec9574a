"""The subscriber's file, signed by the utility, and altered by nobody."""

from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.reader import PdfFileReader

from clapas.domain.errors import BadSetting
from clapas.usecases.water.billing.dossier import Dossier, render_dossier
from clapas.usecases.water.billing.periods import Reading, periods
from clapas.usecases.water.billing.review import review
from clapas.usecases.water.billing.signature import signed


def certificate(path: Path) -> Path:
    """A self-signed certificate of a utility, with its key, as PKCS#12."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Régie des eaux")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    sealed = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"utility", key, made, None, sealed))
    return path


def a_file() -> bytes:
    days = [date(2015 + n // 4, (1, 4, 7, 10)[n % 4], 5) for n in range(24)]
    index = [30.0 * n + (60.0 if n >= 20 else 0.0) for n in range(24)]
    readings = [Reading(day, value) for day, value in zip(days, index, strict=True)]
    odd = next(each for each in review(periods("m", readings)) if each.verdict == "abnormal")
    return render_dossier(Dossier(review=odd, service="Régie des eaux", informed=None, proof=""))


def test_the_file_carries_the_utilitys_signature(tmp_path: Path) -> None:
    plain = a_file()
    sealed = signed(
        plain,
        certificate(tmp_path / "utility.p12"),
        passphrase=b"secret",
        reason="Dossier de consommation anormale",
    )
    assert sealed.startswith(plain[:1000])
    signatures = PdfFileReader(BytesIO(sealed)).embedded_signatures
    assert len(signatures) == 1
    signatures[0].compute_integrity_info()
    assert signatures[0].signer_cert.subject.native["common_name"] == "Régie des eaux"
    status = signatures[0].summarise_integrity_info()
    assert status["coverage"].name == "ENTIRE_FILE"


def test_a_wrong_passphrase_is_the_operators_to_mend(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="passphrase"):
        signed(a_file(), certificate(tmp_path / "utility.p12"), passphrase=b"wrong", reason="x")
