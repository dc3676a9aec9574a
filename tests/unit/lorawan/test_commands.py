"""MAC commands and application packages: every layout both ways, and streams that stop at the unknown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.lorawan import mac_commands
from clapas.lorawan.bits import UNPARSED, Command, Field, Language, Layout
from clapas.lorawan.errors import FrameError
from clapas.lorawan.packages import clock_sync, fragmentation, multicast_setup

LANGUAGES = {
    "mac up": mac_commands.UPLINK,
    "mac down": mac_commands.DOWNLINK,
    "clock up": clock_sync.UPLINK,
    "clock down": clock_sync.DOWNLINK,
    "fragmentation v1 up": fragmentation.UPLINK[1],
    "fragmentation v2 up": fragmentation.UPLINK[2],
    "fragmentation v1 down": fragmentation.DOWNLINK[1],
    "fragmentation v2 down": fragmentation.DOWNLINK[2],
    "multicast v1 up": multicast_setup.UPLINK[1],
    "multicast v2 up": multicast_setup.UPLINK[2],
    "multicast down": multicast_setup.DOWNLINK[1],
}


def _value(field: Field) -> st.SearchStrategy[Any]:
    if not field.bits:
        return st.just("")
    raw = st.integers(0, (1 << field.bits) - 1)
    return {
        "flag": st.booleans(),
        "signed": st.integers(-(1 << field.bits - 1), (1 << field.bits - 1) - 1),
        "frequency": st.integers(0, 11_999_999).map(lambda value: value * 100),
        "mask": st.sets(st.integers(0, field.bits - 1)).map(lambda found: tuple(sorted(found))),
        "bytes": st.binary(min_size=field.bits // 8, max_size=field.bits // 8).map(bytes.hex),
        "eui": st.binary(min_size=field.bits // 8, max_size=field.bits // 8).map(bytes.hex),
        "wor_snr": st.integers(-20, 11),
        "wor_rssi": st.integers(-142, -15),
    }.get(field.kind, raw)


@st.composite
def _commands(draw: st.DrawFn, layout: Layout) -> Command:
    values = {field.name: draw(_value(field)) for field in layout.fields if field.name != "-"}
    if layout.name == "DataFragment":
        values["data"] = draw(st.binary(max_size=200)).hex()
    elif layout.name == "McGroupStatusAns":
        one = st.fixed_dictionaries(
            {"id": st.integers(0, 3), "address": st.binary(min_size=4, max_size=4).map(bytes.hex)}
        )
        count = len(values["ans_group_mask"])
        values["items"] = draw(st.lists(one, min_size=count, max_size=count))
    elif layout.tail:
        for field in layout.tail(values, 0):
            values[field.name] = draw(_value(field))
    return Command(layout.name, values)


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())
@given(data=st.data())
def test_commands_are_read_as_written(language: Language, data: st.DataObject) -> None:
    several = [
        data.draw(_commands(layout))
        for layout in data.draw(
            st.lists(st.sampled_from(list(language.by_name.values())), max_size=4)
        )
    ]
    ends = [index for index, each in enumerate(several) if each.name == "DataFragment"]
    several = several[: ends[0] + 1] if ends else several
    assert language.decode(language.encode(several)) == several


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=LANGUAGES.keys())
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_without_an_error(language: Language, data: bytes) -> None:
    found = language.decode(data)
    assert all(command.name != UNPARSED for command in found[:-1])


def test_what_comes_after_an_unknown_command_is_kept_aside() -> None:
    found = mac_commands.decode_commands(bytes.fromhex("028005"), uplink=True)
    assert found == [Command("LinkCheckReq"), Command(UNPARSED, {"bytes": "8005"})]
    assert mac_commands.encode_commands(found, uplink=True) == bytes.fromhex("028005")


@pytest.mark.parametrize(
    "wrong",
    [
        Command(
            "LinkADRReq", {"dr": 16, "tx_power": 0, "ch_mask": (), "nb_rep": 1, "ch_mask_cntl": 0}
        ),
        Command("LinkADRReq", {"dr": 1}),
        Command("DlChannelReq", {"ch_index": 0, "freq": 868_100_001}),
        Command("LinkCheckReq"),
        Command("NewChannelReq", {"ch_index": "x", "freq": 0, "min_dr": 0, "max_dr": 0}),
    ],
)
def test_values_that_do_not_fit_are_refused(wrong: Command) -> None:
    with pytest.raises(FrameError):
        mac_commands.encode_commands([wrong], uplink=False)
