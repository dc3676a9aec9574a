"""Message integrity codes of joins, rejoins and data frames (TS001 clause 4.4 and 6.2)."""

from hmac import compare_digest

from clapas.lorawan.ciphers import DOWN, UP, cmac
from clapas.lorawan.keys import SessionKeys


def _block(
    *, direction: int, dev_addr: int, f_cnt: int, size: int, extra: bytes = b"\0\0\0\0"
) -> bytes:
    return (
        b"\x49"
        + extra
        + bytes((direction,))
        + dev_addr.to_bytes(4, "little")
        + f_cnt.to_bytes(4, "little")
        + bytes((0, size & 0xFF))
    )


def uplink_mic_10(key: bytes, message: bytes, *, dev_addr: int, f_cnt: int) -> bytes:
    """MIC of a 1.0.x uplink; ``message`` is the frame without its MIC, ``f_cnt`` has 32 bits."""
    block = _block(direction=UP, dev_addr=dev_addr, f_cnt=f_cnt, size=len(message))
    return cmac(key, block + message)[:4]


def uplink_mic_11(
    keys: SessionKeys,
    message: bytes,
    *,
    dev_addr: int,
    f_cnt: int,
    conf_f_cnt: int,
    tx_dr: int,
    tx_ch: int,
) -> bytes:
    """MIC of a 1.1 uplink: two halves, the first bound to data rate, channel and confirmed counter."""
    extra = (conf_f_cnt & 0xFFFF).to_bytes(2, "little") + bytes((tx_dr & 0xFF, tx_ch & 0xFF))
    serving = _block(direction=UP, dev_addr=dev_addr, f_cnt=f_cnt, size=len(message), extra=extra)
    plain = _block(direction=UP, dev_addr=dev_addr, f_cnt=f_cnt, size=len(message))
    return (
        cmac(keys.s_nwk_s_int, serving + message)[:2] + cmac(keys.f_nwk_s_int, plain + message)[:2]
    )


def downlink_mic(
    key: bytes, message: bytes, *, dev_addr: int, f_cnt: int, conf_f_cnt: int = 0
) -> bytes:
    """MIC of a downlink; ``conf_f_cnt`` is the acknowledged uplink's counter in 1.1, else 0."""
    extra = (conf_f_cnt & 0xFFFF).to_bytes(2, "little") + b"\0\0"
    block = _block(direction=DOWN, dev_addr=dev_addr, f_cnt=f_cnt, size=len(message), extra=extra)
    return cmac(key, block + message)[:4]


def join_mic(key: bytes, message: bytes) -> bytes:
    """MIC of a join-request, a rejoin-request or a 1.0.x join-accept (MHDR and plain payload)."""
    return cmac(key, message)[:4]


def join_accept_mic_11(
    js_int_key: bytes, message: bytes, *, join_type: int, join_eui: str, dev_nonce: int
) -> bytes:
    """MIC of a 1.1 join-accept; ``join_type`` 0xFF for a join, 0 to 2 for a rejoin."""
    head = bytes((join_type,)) + bytes.fromhex(join_eui)[::-1] + dev_nonce.to_bytes(2, "little")
    return cmac(js_int_key, head + message)[:4]


def same(left: bytes, right: bytes) -> bool:
    """Compare two codes in constant time."""
    return compare_digest(left, right)
