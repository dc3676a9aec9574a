"""Every key that LoRaWAN derives from another one.

Sources: LoRaWAN 1.0.4 clause 6.2.5, 1.1 clause 6.2.5 and 6.1.1.3 (JS keys), TS005 clause 4 (multicast),
TS011 clause 10 (relay). Nonces and NetID are integers, EUIs are hexadecimal in display order.
"""

import msgspec

from clapas.lorawan.ciphers import aes_decrypt, aes_encrypt


class SessionKeys(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The keys of one session. In 1.0.x the three network keys are the one NwkSKey."""

    f_nwk_s_int: bytes
    s_nwk_s_int: bytes
    nwk_s_enc: bytes
    app_s: bytes


def session_keys_10(nwk_s_key: bytes, app_s_key: bytes) -> SessionKeys:
    """A 1.0.x session's keys from its two (ABP or OTAA)."""
    return SessionKeys(nwk_s_key, nwk_s_key, nwk_s_key, app_s_key)


def reversed_eui(eui: str) -> bytes:
    """An EUI-64 as it travels: little-endian."""
    return bytes.fromhex(eui)[::-1]


def _padded(key: bytes, text: bytes) -> bytes:
    return aes_encrypt(key, text.ljust(16, b"\0"))


def session_key(
    key: bytes,
    kind: int,
    *,
    join_nonce: int,
    dev_nonce: int,
    net_id: int = 0,
    join_eui: str | None = None,
) -> bytes:
    """One session key: ``kind`` 1 FNwkSInt or NwkS, 2 AppS, 3 SNwkSInt, 4 NwkSEnc.

    With ``join_eui`` the 1.1 form (OptNeg set), else the 1.0.x form with ``net_id``.
    """
    middle = net_id.to_bytes(3, "little") if join_eui is None else reversed_eui(join_eui)
    text = (
        bytes((kind,)) + join_nonce.to_bytes(3, "little") + middle + dev_nonce.to_bytes(2, "little")
    )
    return _padded(key, text)


def join_keys_10(app_key: bytes, *, join_nonce: int, dev_nonce: int, net_id: int) -> SessionKeys:
    """The session keys of a 1.0.x join."""
    network = session_key(app_key, 1, join_nonce=join_nonce, dev_nonce=dev_nonce, net_id=net_id)
    application = session_key(app_key, 2, join_nonce=join_nonce, dev_nonce=dev_nonce, net_id=net_id)
    return session_keys_10(network, application)


def join_keys_11(
    nwk_key: bytes, app_key: bytes, *, join_nonce: int, dev_nonce: int, join_eui: str
) -> SessionKeys:
    """The session keys of a 1.1 join or rejoin (``dev_nonce`` is then RJcount)."""

    def derive(key: bytes, kind: int) -> bytes:
        return session_key(key, kind, join_nonce=join_nonce, dev_nonce=dev_nonce, join_eui=join_eui)

    return SessionKeys(
        derive(nwk_key, 1), derive(nwk_key, 3), derive(nwk_key, 4), derive(app_key, 2)
    )


def js_int_key(nwk_key: bytes, dev_eui: str) -> bytes:
    """JSIntKey: signs rejoin type 1 and the 1.1 join-accept."""
    return _padded(nwk_key, b"\x06" + reversed_eui(dev_eui))


def js_enc_key(nwk_key: bytes, dev_eui: str) -> bytes:
    """JSEncKey: encrypts the join-accept that answers a rejoin."""
    return _padded(nwk_key, b"\x05" + reversed_eui(dev_eui))


def root_wor_s_key(nwk_s_enc_key: bytes) -> bytes:
    """RootWorSKey of a relayed device (TS011)."""
    return _padded(nwk_s_enc_key, b"\x01")


def mc_root_key_10(gen_app_key: bytes) -> bytes:
    """McRootKey of a 1.0.x device, from its GenAppKey."""
    return _padded(gen_app_key, b"\x00")


def mc_root_key_11(app_key: bytes) -> bytes:
    """McRootKey of a 1.1 device, from its AppKey."""
    return _padded(app_key, b"\x20")


def mc_ke_key(mc_root_key: bytes) -> bytes:
    """McKEKey: wraps the key of a multicast group for one device."""
    return _padded(mc_root_key, b"\x00")


def mc_app_s_key(mc_key: bytes, mc_addr: int) -> bytes:
    """McAppSKey of a group."""
    return _padded(mc_key, b"\x01" + mc_addr.to_bytes(4, "little"))


def mc_nwk_s_key(mc_key: bytes, mc_addr: int) -> bytes:
    """McNetSKey of a group."""
    return _padded(mc_key, b"\x02" + mc_addr.to_bytes(4, "little"))


def wrap_mc_key(ke_key: bytes, mc_key: bytes) -> bytes:
    """McKey_encrypted: the device finds McKey by encrypting it (TS005 clause 4.3)."""
    return aes_decrypt(ke_key, mc_key)


def data_block_int_key(root_key: bytes) -> bytes:
    """DataBlockIntKey (TS004 v2 clause 3.3), from the GenAppKey of a 1.0.x device or the AppKey of a 1.1 one."""
    return _padded(root_key, b"\x30")
