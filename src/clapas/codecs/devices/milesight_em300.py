"""Milesight EM300: climate (TH), door (MCS), leaks (SLD, ZLD, MLD), pulses and water (DI).

Source: Milesight-IoT/SensorDecoders, EM_Series/EM300_Series, a README for each product.
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._milesight import (
    CLIMATE,
    HUMIDITY,
    TEMPERATURE,
    Block,
    decoder,
    history,
)
from clapas.codecs.octets import Field

_LEAK = Field("leakage_status", 1, quantity="water_leak", flag=True)
_SOURCE = "Milesight-IoT/SensorDecoders EM_Series/EM300_Series/"

decode = decoder(
    {
        **CLIMATE,
        (0x05, 0x00): Block(1, (_LEAK,)),
        (0x06, 0x00): Block(1, (Field("magnet_status", 1, quantity="door_open", flag=True),)),
        (0x05, 0xC8): Block(4, (Field("pulse", 4, quantity="count_index"),)),
        (0x20, 0xCE): history(
            *TEMPERATURE.fields, *HUMIDITY.fields, Field("contact", 1, unit="C62")
        ),
    }
)

CODEC = DeviceCodec(
    name="milesight_em300",
    label="Milesight EM300 (TH, MCS, SLD, ZLD, MLD)",
    maker="Milesight",
    models=("EM300-TH", "EM300-MCS", "EM300-SLD", "EM300-ZLD", "EM300-MLD"),
    profiles=("em300",),
    decode=decode,
    examples=(
        Example(
            description="climate",
            payload="01755c03673401046865",
            f_port=85,
            values={"battery": 0.92, "temperature": 30.8, "humidity": 0.505},
            source=_SOURCE + "EM300-TH/README.md",
        ),
        Example(
            description="a door that is open",
            payload="01755c03673401046865060001",
            f_port=85,
            values={"battery": 0.92, "temperature": 30.8, "humidity": 0.505, "magnet_status": 1.0},
            source=_SOURCE + "EM300-MCS/README.md",
        ),
        Example(
            description="a leak sensor that is dry",
            payload="01755c03673401046865050000",
            f_port=85,
            values={"battery": 0.92, "temperature": 30.8, "humidity": 0.505, "leakage_status": 0.0},
            source=_SOURCE + "EM300-SLD/README.md",
        ),
        Example(
            description="a value of the past",
            payload="20ce9e74466310015d01",
            f_port=85,
            times={
                "temperature": (("2022-10-12T08:02:38Z", 27.2),),
                "humidity": (("2022-10-12T08:02:38Z", 0.465),),
                "contact": (("2022-10-12T08:02:38Z", 1.0),),
            },
            source=_SOURCE + "EM300-SLD/README.md",
        ),
    ),
)
