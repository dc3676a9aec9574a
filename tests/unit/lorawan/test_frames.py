"""Frames are read and written without loss, and hostile bytes meet one clear error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.lorawan import ciphers, frames, mic
from clapas.lorawan.errors import FrameError
from clapas.lorawan.frames import (
    CFList,
    DataFrame,
    JoinAccept,
    JoinContext,
    JoinRequest,
    MType,
    RejoinRequest,
)

EUIS = st.binary(min_size=8, max_size=8).map(bytes.hex)
KEYS = st.binary(min_size=16, max_size=16)
MICS = st.binary(min_size=4, max_size=4)
ADDRESSES = st.integers(0, 2**32 - 1)
DATA_FRAMES = st.builds(
    DataFrame,
    m_type=st.sampled_from(sorted(frames.DATA_TYPES)),
    dev_addr=ADDRESSES,
    f_cnt=st.integers(0, 0xFFFF),
    adr=st.booleans(),
    adr_ack_req=st.booleans(),
    ack=st.booleans(),
    bit4=st.booleans(),
    f_opts=st.binary(max_size=15),
    f_port=st.integers(0, 255),
    payload=st.binary(max_size=222),
    mic=MICS,
)
REJOINS = st.one_of(
    st.builds(
        RejoinRequest,
        kind=st.sampled_from((0, 2)),
        dev_eui=EUIS,
        count=st.integers(0, 65535),
        net_id=st.integers(0, 2**24 - 1),
        mic=MICS,
    ),
    st.builds(
        RejoinRequest,
        kind=st.just(1),
        dev_eui=EUIS,
        count=st.integers(0, 65535),
        join_eui=EUIS,
        mic=MICS,
    ),
)
JOINS = st.builds(
    JoinRequest, join_eui=EUIS, dev_eui=EUIS, dev_nonce=st.integers(0, 65535), mic=MICS
)
ACCEPTS = st.builds(
    JoinAccept,
    join_nonce=st.integers(0, 2**24 - 1),
    net_id=st.integers(0, 2**24 - 1),
    dev_addr=ADDRESSES,
    rx1_dr_offset=st.integers(0, 7),
    rx2_dr=st.integers(0, 15),
    opt_neg=st.booleans(),
    rx_delay=st.integers(0, 15),
    cf_list=st.sampled_from((b"", bytes(16))),
)


@given(st.one_of(DATA_FRAMES, REJOINS, JOINS))
def test_what_is_written_is_read_again(frame: frames.Frame) -> None:
    assert frames.parse(frames.encode(frame)) == frame


def test_a_frame_without_port_has_no_payload() -> None:
    frame = DataFrame(m_type=MType.UNCONFIRMED_UP, dev_addr=1, f_cnt=2, f_opts=b"\x02")
    assert frames.parse(frames.encode(frame)) == frame
    with pytest.raises(FrameError):
        DataFrame(m_type=MType.UNCONFIRMED_UP, dev_addr=1, f_cnt=2, payload=b"x").message()


@given(
    ACCEPTS,
    KEYS,
    st.one_of(
        st.none(),
        st.builds(JoinContext, js_int_key=KEYS, join_eui=EUIS, dev_nonce=st.integers(0, 65535)),
    ),
)
def test_a_sealed_join_accept_opens_with_the_same_key_only(
    accept: JoinAccept, key: bytes, context: JoinContext | None
) -> None:
    phy = frames.seal_join_accept(accept, key, context=context)
    opened, _code, right = frames.open_join_accept(phy, key, context=context)
    assert (opened, right) == (accept, True)
    other = bytes(byte ^ 1 for byte in key)
    assert not frames.open_join_accept(phy, other, context=context)[2]


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_raise_a_frame_error(data: bytes) -> None:
    try:
        frame = frames.parse(data)
    except FrameError:
        return
    assert frames.encode(frame) == data


@given(KEYS, st.binary(max_size=242), ADDRESSES, st.integers(0, 2**32 - 1), st.sampled_from((0, 1)))
def test_encryption_is_its_own_inverse(
    key: bytes, data: bytes, dev_addr: int, f_cnt: int, direction: int
) -> None:
    place: dict[str, Any] = {"direction": direction, "dev_addr": dev_addr, "f_cnt": f_cnt}
    assert ciphers.crypt_payload(key, ciphers.crypt_payload(key, data, **place), **place) == data
    options = data[:15]
    assert (
        ciphers.crypt_f_opts(key, ciphers.crypt_f_opts(key, options, **place), **place) == options
    )


def test_a_mic_binds_the_32_bit_counter() -> None:
    message = DataFrame(
        m_type=MType.UNCONFIRMED_UP, dev_addr=7, f_cnt=5, f_port=1, payload=b"a"
    ).message()
    first = mic.uplink_mic_10(bytes(16), message, dev_addr=7, f_cnt=5)
    assert first != mic.uplink_mic_10(bytes(16), message, dev_addr=7, f_cnt=5 + 65536)


@given(st.lists(st.integers(1, 11_999_999).map(lambda raw: raw * 100), max_size=5))
def test_a_list_of_channels_survives(frequencies: list[int]) -> None:
    wanted = CFList(tuple(frequencies))
    assert frames.decode_cf_list(frames.encode_cf_list(wanted)) == wanted


def test_a_channel_mask_survives() -> None:
    wanted = CFList((), frozenset(range(8, 16)) | {65}, 5)
    assert frames.decode_cf_list(frames.encode_cf_list(wanted)) == wanted
