"""Milesight distance and water-level sensors: EM400-MUD (bins), EM500-UDL, EM500-SWL, EM310-UDL.

Source: Milesight-IoT/SensorDecoders, EM_Series README files. Distances are in mm, water levels in cm.
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._milesight import TEMPERATURE, Block, decoder, history
from clapas.codecs.octets import Field

_DISTANCE = Field("distance", 2, 1000, quantity="distance")
_LEVEL = Field("water_level", 2, 100, signed=True, quantity="water_level")
_POSITION = Field("position", 1, unit="C62")
_SOURCE = "Milesight-IoT/SensorDecoders EM_Series/"

decode = decoder(
    {
        (0x03, 0x67): TEMPERATURE,
        (0x03, 0x82): Block(2, (_DISTANCE,)),
        (0x04, 0x82): Block(2, (_DISTANCE,)),
        (0x03, 0x77): Block(2, (_LEVEL,)),
        (0x04, 0x00): Block(1, (_POSITION,)),
        (0x05, 0x00): Block(1, (_POSITION,)),
        (0x83, 0x67): Block(3, (*TEMPERATURE.fields, Field("temperature_alarm", 1, at=2))),
        (0x84, 0x82): Block(3, (_DISTANCE, Field("distance_alarm", 1, at=2))),
        (0x20, 0xCE): history(_DISTANCE),
    }
)


CODEC = DeviceCodec(
    name="milesight_level",
    label="Milesight distance and level (EM310-UDL, EM400, EM500)",
    maker="Milesight",
    models=("EM310-UDL", "EM400-MUD", "EM400-UDL", "EM500-UDL", "EM500-SWL"),
    profiles=("em310-udl", "em400", "em500-udl", "em500-swl"),
    decode=decode,
    examples=(
        Example(
            description="a bin sensor that leans",
            payload="01755c0367010104824408050001",
            f_port=85,
            values={"battery": 0.92, "temperature": 25.7, "distance": 2.116, "position": 1.0},
            source=_SOURCE + "EM400_Series/EM400-MUD/README.md",
        ),
        Example(
            description="thresholds crossed",
            payload="8367e800018482410601",
            f_port=85,
            values={
                "temperature": 23.2,
                "temperature_alarm": 1.0,
                "distance": 1.601,
                "distance_alarm": 1.0,
            },
            source=_SOURCE + "EM400_Series/EM400-MUD/README.md",
        ),
        Example(
            description="ultrasonic distance",
            payload="01756403821e00",
            f_port=85,
            values={"battery": 1.0, "distance": 0.03},
            source=_SOURCE + "EM500_Series/EM500-UDL/README.md",
        ),
        Example(
            description="level under water",
            payload="01756403770200",
            f_port=85,
            values={"battery": 1.0, "water_level": 0.02},
            source=_SOURCE + "EM500_Series/EM500-SWL/README.md",
        ),
    ),
)
