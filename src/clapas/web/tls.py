"""HTTPS with one's own certificate: checked before anything is served."""

import ssl

import msgspec

from clapas.domain.errors import BadSetting
from clapas.web.settings import Settings


def served(settings: Settings) -> Settings:
    """The settings as they are served: with a certificate the platform is reached over HTTPS.

    Raises BadSetting when the certificate and its key cannot be used together.
    """
    if bool(settings.certificate) != bool(settings.key):
        missing = "key" if settings.certificate else "certificate"
        raise BadSetting(
            f"web.{missing} is missing: a certificate and its key go together", key=f"web.{missing}"
        )
    if not settings.certificate:
        return settings
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise BadSetting(
            f"web.certificate and web.key cannot be used: {error}", key="web.certificate"
        ) from error
    return msgspec.structs.replace(settings, https=True)
