"""Decentlab DL-TRS12: soil moisture, temperature and conductivity (METER TEROS 12).

Source: decentlab/decentlab-decoders DL-TRS12; the calibration of mineral soils.
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._decentlab import BATTERY, Sensor, Value, decoder

decode = decoder(
    Sensor(
        3,
        (
            Value("moisture", lambda x, _: x[0] / 10 * 0.0003879 - 0.6956, "soil_moisture"),
            Value("temperature", lambda x, _: (x[1] - 32768) / 10, "soil_temperature"),
            Value("conductivity", lambda x, _: float(x[2]), "soil_conductivity"),
        ),
    ),
    BATTERY,
)

_SOURCE = "decentlab/decentlab-decoders DL-TRS12"

CODEC = DeviceCodec(
    name="decentlab_trs12",
    label="Decentlab DL-TRS12 soil",
    maker="Decentlab",
    models=("DL-TRS12",),
    profiles=("dl-trs12",),
    decode=decode,
    examples=(
        Example(
            description="dry soil",
            payload="0210d3000346be813d00000c80",
            values={
                "moisture": 0.006887,
                "temperature": 31.7,
                "conductivity": 0.0,
                "battery": 3.2,
            },
            source=_SOURCE,
        ),
        Example(
            description="battery alone",
            payload="0210d300020c80",
            values={"battery": 3.2},
            source=_SOURCE,
        ),
        Example(
            description="no word of the battery",
            payload="0210d300020c",
            error="cut short",
            source="made from the second example",
        ),
    ),
)
