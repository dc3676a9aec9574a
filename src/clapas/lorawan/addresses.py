"""NetID and DevAddr: types, prefixes, and drawing an address (LoRaWAN Backend Interfaces, DevAddr assignment)."""

import secrets

import msgspec

from clapas.lorawan.errors import FrameError

_PREFIX_BITS = (7, 8, 12, 15, 17, 19, 22, 25)
_ID_BITS = (6, 6, 9, 11, 12, 13, 15, 17)
_NET_ID_BITS = (6, 6, 9, 21, 21, 21, 21, 21)


class Prefix(msgspec.Struct, frozen=True):
    """The first ``bits`` of every DevAddr that a network gives out."""

    value: int
    bits: int

    def holds(self, dev_addr: int) -> bool:
        return (dev_addr ^ self.value) >> (32 - self.bits) == 0

    def __str__(self) -> str:
        return f"{self.value:08x}/{self.bits}"


def net_id_type(net_id: int) -> int:
    """Type 0 to 7, the three highest bits of the 24."""
    if not 0 <= net_id < 1 << 24:
        raise FrameError("a NetID has 24 bits", net_id=net_id)
    return net_id >> 21


def net_id_number(net_id: int) -> int:
    """The ID field of a NetID: 6, 9 or 21 bits by its type."""
    return net_id & ((1 << _NET_ID_BITS[net_id_type(net_id)]) - 1)


def dev_addr_prefix(net_id: int) -> Prefix:
    """The DevAddr prefix of a network: type as unary ones, then the NwkID."""
    kind = net_id_type(net_id)
    bits, id_bits = _PREFIX_BITS[kind], _ID_BITS[kind]
    marker = (1 << (kind + 1)) - 2
    number = net_id & ((1 << id_bits) - 1)
    return Prefix(((marker << id_bits) | number) << (32 - bits), bits)


def draw_dev_addr(net_id: int) -> int:
    """A random DevAddr of the network (collisions are harmless: the MIC tells devices apart)."""
    prefix = dev_addr_prefix(net_id)
    return prefix.value | secrets.randbits(32 - prefix.bits)
