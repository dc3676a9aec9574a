"""Milesight EM500: soil (SMTC) and pipe pressure (PP).

Source: Milesight-IoT/SensorDecoders, EM_Series/EM500_Series README files. Pipe pressure comes in kPa.
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._milesight import TEMPERATURE, Block, decoder
from clapas.codecs.octets import Field

_SOURCE = "Milesight-IoT/SensorDecoders EM_Series/EM500_Series/"

decode = decoder(
    {
        (0x03, 0x67): Block(
            2, (Field("temperature", 2, 10, signed=True, quantity="soil_temperature"),)
        ),
        (0x04, 0x68): Block(1, (Field("moisture", 1, 200, quantity="soil_moisture"),)),
        (0x04, 0xCA): Block(2, (Field("moisture", 2, 10_000, quantity="soil_moisture"),)),
        (0x05, 0x7F): Block(2, (Field("ec", 2, quantity="soil_conductivity"),)),
        (0x83, 0xD7): Block(5, (*TEMPERATURE.fields, Field("temperature_alarm", 1, at=4))),
        (0x03, 0x7B): Block(2, (Field("pressure", 2, 100, quantity="water_pressure"),)),
    }
)

CODEC = DeviceCodec(
    name="milesight_em500",
    label="Milesight EM500 soil and pipe pressure",
    maker="Milesight",
    models=("EM500-SMTC", "EM500-SMT", "EM500-PP"),
    profiles=("em500-smt", "em500-pp"),
    decode=decode,
    examples=(
        Example(
            description="soil",
            payload="01756403671901046873057ff000",
            f_port=85,
            values={"battery": 1.0, "temperature": 28.1, "moisture": 0.575, "ec": 240.0},
            source=_SOURCE + "EM500-SMTC/README.md",
        ),
        Example(
            description="pipe pressure of 10 kPa",
            payload="017564037b0a00",
            f_port=85,
            values={"battery": 1.0, "pressure": 0.1},
            source=_SOURCE + "EM500-PP/README.md",
        ),
        Example(
            description="a channel of another family",
            payload="01756403821e00",
            f_port=85,
            error="is not known here",
            source=_SOURCE + "EM500-UDL/README.md",
        ),
    ),
)
