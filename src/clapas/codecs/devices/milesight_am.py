"""Milesight AM100 and AM300: the air of rooms (climate, CO₂, TVOC, particles, light, movement).

Source: Milesight-IoT/SensorDecoders, AM100, AM_Series/AM103 and AM_Series/AM300_Series README files. TVOC is
an index in AM300 and ppb in AM100: it is kept as the device says it. Formaldehyde: hundredths of mg/m³.
"""

from clapas.codecs.device import DeviceCodec, Example
from clapas.codecs.devices._milesight import CLIMATE, Block, decoder
from clapas.codecs.octets import Field

_CO2 = Field("co2", 2, quantity="co2")
_PRESSURE = Field("pressure", 2, 10, quantity="atmospheric_pressure")
_PIR = Field("pir", 1, quantity="presence", flag=True)
_LIGHT_LEVEL = Field("light_level", 1, unit="C62")
_TVOC = Field("tvoc", 2, unit="C62")

decode = decoder(
    {
        **CLIMATE,
        (0x05, 0x6A): Block(2, (Field("activity", 2, quantity="presence"),)),
        (0x05, 0x00): Block(1, (_PIR,)),
        (0x06, 0x65): Block(
            6,
            (
                Field("illumination", 2, quantity="illuminance"),
                Field("infrared_and_visible", 2, unit="C62", at=2),
                Field("infrared", 2, unit="C62", at=4),
            ),
        ),
        (0x06, 0xCB): Block(1, (_LIGHT_LEVEL,)),
        (0x07, 0x7D): Block(2, (_CO2,)),
        (0x08, 0x7D): Block(2, (_TVOC,)),
        (0x09, 0x73): Block(2, (_PRESSURE,)),
        (0x0A, 0x7D): Block(2, (Field("hcho", 2, 100, quantity="formaldehyde", scale=1000),)),
        (0x0B, 0x7D): Block(2, (Field("pm2_5", 2, quantity="pm25"),)),
        (0x0C, 0x7D): Block(2, (Field("pm10", 2, quantity="pm10"),)),
        (0x0D, 0x7D): Block(2, (Field("o3", 2, 100, unit="59"),)),
        (0x0E, 0x01): Block(1, (Field("beep", 1, unit="C62"),)),
    }
)

CODEC = DeviceCodec(
    name="milesight_am",
    label="Milesight AM100, AM300",
    maker="Milesight",
    models=("AM103", "AM104", "AM107", "AM307", "AM308", "AM319"),
    profiles=("am103", "am104", "am107", "am307", "am308", "am319", "milesight am"),
    decode=decode,
    examples=(
        Example(
            description="AM107 in an office",
            payload="01755c03673401046865056a490006651c0079001400077de704087d070009733f27",
            f_port=85,
            values={
                "battery": 0.92,
                "temperature": 30.8,
                "humidity": 0.505,
                "activity": 73.0,
                "illumination": 28.0,
                "infrared_and_visible": 121.0,
                "infrared": 20.0,
                "co2": 1255.0,
                "tvoc": 7.0,
                "pressure": 1004.7,
            },
            source="Milesight-IoT/SensorDecoders AM100/README.md",
        ),
        Example(
            description="AM319 with particles and formaldehyde",
            payload="0367ee0004687c05000106cb02077da803087d2500097366270a7d04000b7d20000c7d3000",
            f_port=85,
            values={
                "temperature": 23.8,
                "humidity": 0.62,
                "pir": 1.0,
                "light_level": 2.0,
                "co2": 936.0,
                "tvoc": 37.0,
                "pressure": 1008.6,
                "hcho": 40.0,
                "pm2_5": 32.0,
                "pm10": 48.0,
            },
            source="Milesight-IoT/SensorDecoders AM_Series/AM300_Series/README.md",
        ),
        Example(
            description="AM103",
            payload="0175640367180104686d077dc501",
            f_port=85,
            values={"battery": 1.0, "temperature": 28.0, "humidity": 0.545, "co2": 453.0},
            source="Milesight-IoT/SensorDecoders AM_Series/AM103/README.md",
        ),
    ),
)
