"""Sign a subscriber's file with the utility's certificate (PAdES, from a PKCS#12 file)."""

from io import BytesIO
from pathlib import Path
from typing import Any

from clapas.domain.errors import BadSetting

FIELD = "Service"


def signed(pdf: bytes, certificate: Path, *, passphrase: bytes | None, reason: str) -> bytes:
    """The PDF with a signature that Adobe, the courts' tools and pyHanko can check.

    Raises :class:`BadSetting` when the certificate's file or its passphrase is wrong.
    """
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import SigSeedSubFilter

    signer = signer_of(certificate, passphrase)
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD, reason=reason, subfilter=SigSeedSubFilter.PADES
    )
    written = signers.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), metadata, signer=signer)
    return bytes(written.getbuffer())


def signer_of(certificate: Path, passphrase: bytes | None) -> Any:
    """What signs with this certificate. Raises :class:`BadSetting` when its file or its passphrase is wrong."""
    from cryptography.hazmat.primitives.serialization import pkcs12
    from pyhanko.sign import signers

    wrong = BadSetting(
        f"{certificate}: not a PKCS#12 certificate, or a wrong passphrase", path=str(certificate)
    )
    try:
        pkcs12.load_key_and_certificates(certificate.read_bytes(), passphrase)
    except (OSError, ValueError) as error:
        raise wrong from error
    simple: Any = signers.SimpleSigner
    signer = simple.load_pkcs12(str(certificate), passphrase=passphrase)
    if signer is None:
        raise wrong
    return signer
