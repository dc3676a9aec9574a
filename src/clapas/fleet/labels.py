"""QR codes of devices: LoRa Alliance TR005-1.0.0, "LoRaWAN Device Identification QR Codes".

``LW:D0:<JoinEUI>:<DevEUI>:<ProfileID>[:S<serial>][:P<proprietary>]``, upper-case hexadecimal. A model
without a ProfileID of the Alliance says 00000000.
"""

import io
import re

import segno

from clapas.domain.errors import InvalidInput
from clapas.domain.identifiers import EUI

CODE = re.compile(
    r"^LW:D0:([0-9A-F]{16}):([0-9A-F]{16}):([0-9A-F]{8})((?::[A-Z0-9][^:]*)*)$", re.IGNORECASE
)
SAFE = re.compile(r"[^A-Za-z0-9_.\-]")


def text_of(*, dev_eui: str, join_eui: str = "", profile: str = "", serial: str = "") -> str:
    """The text of a device's QR code. Raises InvalidInput when its id is not an EUI-64."""
    if not EUI.match(dev_eui):
        raise InvalidInput("only a device with a DevEUI has this code", device=dev_eui)
    parts = [
        "LW",
        "D0",
        (join_eui or "0" * 16).upper(),
        dev_eui.upper(),
        (profile or "0" * 8).upper(),
    ]
    if serial:
        parts.append("S" + SAFE.sub("-", serial))
    return ":".join(parts)


def read_code(text: str) -> tuple[str, str]:
    """(DevEUI, JoinEUI) that a code says. Raises InvalidInput."""
    found = CODE.match(text.strip())
    if found is None:
        raise InvalidInput("this is not a device's code (TR005)", field="code")
    return found[2].lower(), found[1].lower()


def svg(text: str) -> bytes:
    """The code as an image to print, with the quiet zone of ISO/IEC 18004."""
    file = io.BytesIO()
    segno.make(text, error="m", micro=False).save(file, kind="svg", scale=4, border=4)
    return file.getvalue()
