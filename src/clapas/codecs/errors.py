"""Errors of codecs: always the device owner's to mend, never the platform's.

OwnerError
└── CodecError            a codec cannot read these bytes; the sentence says why
    ├── CodecUnknown      no codec has that name
    └── BadTelegram       a wM-Bus telegram that cannot be read, or is encrypted
"""

from clapas.domain.errors import OwnerError


class CodecError(OwnerError):
    """The codec cannot read this payload."""

    code = "codec_error"


class CodecUnknown(CodecError):
    """No codec has that name."""

    code = "codec_unknown"
    status = 404


class BadTelegram(CodecError):
    """The telegram cannot be read."""

    code = "bad_telegram"
