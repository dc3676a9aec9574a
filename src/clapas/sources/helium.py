"""Helium (console of 2021 to 2023, and consoles that kept its form): the HTTP integration's JSON.

``POST /in/helium``. ``payload`` is base64, ``reported_at`` in milliseconds, ``hotspots`` every gateway that
heard the frame. A frame that the device repeats keeps its counter: the same frame, not a new one.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from clapas.domain.message import Radio, RawMessage, Reading, Uplink
from clapas.sources.contract import Connector, Example
from clapas.sources.wire import base64_bytes, device_key, flatten, moment, read


class Hotspot(msgspec.Struct, gc=False):
    """One gateway's reception: RSSI in dBm, SNR in dB, frequency in MHz."""

    id: str = ""
    rssi: float | None = None
    snr: float | None = None
    lat: float | str | None = None
    long: float | str | None = None
    frequency: float | None = None
    spreading: str = ""


class Decoded(msgspec.Struct, gc=False):
    """What a function of the console decoded, if there was one."""

    payload: Any = None
    status: str = ""


class Event(msgspec.Struct, gc=False):
    """An uplink."""

    dev_eui: str
    fcnt: int
    payload: str = ""
    port: int = 0
    devaddr: str = ""
    name: str = ""
    reported_at: int | None = None
    decoded: Decoded | None = None
    hotspots: list[Hotspot] = []


DECODER = msgspec.json.Decoder(Event)


def parse(message: RawMessage) -> Sequence[Uplink]:
    """One uplink."""
    event = read(DECODER, message)
    device = device_key(event.dev_eui)
    heard = event.hotspots[:64]
    frequency = heard[0].frequency if heard else None
    good = event.decoded is not None and event.decoded.status != "error"
    return (
        Uplink(
            source="helium",
            device=device,
            message_id=f"{device}/{event.devaddr or '-'}/{event.fcnt}/{event.port}",
            measured=moment(event.reported_at, received=message.received),
            f_port=event.port,
            f_cnt=event.fcnt,
            payload=base64_bytes(event.payload),
            values=flatten(event.decoded.payload) if good and event.decoded else (),
            name=event.name,
            radio=tuple(_radio(each) for each in heard),
            frequency_hz=round(frequency * 1e6) if frequency else None,
            data_rate=heard[0].spreading if heard else "",
        ),
    )


def _radio(hotspot: Hotspot) -> Radio:
    return Radio(
        gateway=hotspot.id,
        rssi=hotspot.rssi,
        snr=hotspot.snr,
        latitude=hotspot.lat if isinstance(hotspot.lat, float) else None,
        longitude=hotspot.long if isinstance(hotspot.long, float) else None,
    )


EXAMPLES = (
    Example(
        RawMessage(
            "helium",
            "/in/helium",
            1_672_867_883_000,
            b'{"name":"EMS","dev_eui":"A81758FFFE04B1C1","devaddr":"07000048","fcnt":71,"port":5,'
            b'"payload":"AQBG","reported_at":1672867882173,"decoded":{"payload":{"temperature":7},'
            b'"status":"success"},"hotspots":[{"id":"11xH","rssi":-111,"snr":-3.75,"lat":45.18,'
            b'"long":5.7,"frequency":868.3,"spreading":"SF12BW125","status":"success"}]}',
        ),
        (
            Uplink(
                source="helium",
                device="a81758fffe04b1c1",
                message_id="a81758fffe04b1c1/07000048/71/5",
                measured=datetime(2023, 1, 4, 21, 31, 22, 173_000, tzinfo=UTC),
                f_port=5,
                f_cnt=71,
                payload=b"\x01\x00\x46",
                values=(Reading("temperature", 7.0),),
                name="EMS",
                radio=(
                    Radio(gateway="11xH", rssi=-111.0, snr=-3.75, latitude=45.18, longitude=5.7),
                ),
                frequency_hz=868_300_000,
                data_rate="SF12BW125",
            ),
        ),
    ),
)

CONNECTOR = Connector(name="helium", parse=parse, examples=EXAMPLES, http="helium")
