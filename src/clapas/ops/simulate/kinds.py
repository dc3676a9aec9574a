"""The kinds of things of a simulated territory: how many, how often they speak, in which wire form."""

import random
from collections.abc import Callable
from typing import Literal

import msgspec

from clapas.domain.device import CodecRef, Model
from clapas.ops.simulate import payloads, signals
from clapas.ops.simulate.signals import Signal

Door = Literal["chirpstack_v4", "mqtt_device", "ngsi_v2"]
Traits = dict[str, float]
DAY = 86_400
SINCE = 1_577_836_800
"""2020-01-01: when the simulated indexes began."""


class Channel(msgspec.Struct, frozen=True):
    """A device's channel and the attribute that it becomes: kept value = value · scale + offset."""

    name: str
    attribute: str
    quantity: str
    scale: float = 1.0
    offset: float = 0.0


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of thing. ``share`` is its part of a fleet, ``prefix`` how its sites are called."""

    name: str
    type: str
    prefix: str
    share: float
    interval_s: int
    door: Door
    signal: Signal
    traits: Callable[[random.Random, float], Traits]
    channels: tuple[Channel, ...] = ()
    model: Model | None = None
    encode: Callable[[dict[str, float | bool]], bytes] | None = None
    f_port: int = 2
    feed: str = ""


def _model(
    key: str, label: str, *, interval_s: int, codec: CodecRef, maker: str = "Simulé"
) -> Model:
    return Model(
        id=f"simulated-{key}", label=label, maker=maker, codec=codec, interval_s=interval_s
    )


LPP = CodecRef("cayenne", "", "ttn", 1)
ELSYS = CodecRef("python", "elsys", "ttn", 1)
NATIVE = CodecRef()


def _household(rng: random.Random, now: float) -> Traits:
    daily = rng.lognormvariate(-1.1, 0.45)
    traits = {"daily": daily, "start": rng.uniform(40, 900), "origin": daily * SINCE / DAY}
    if rng.random() < 0.03:
        traits |= {"leak": rng.uniform(0.008, 0.06), "leak_from": now - rng.uniform(0.3, 1.6) * DAY}
    elif rng.random() < 0.02:
        traits |= {"leak": rng.uniform(0.11, 0.3), "leak_from": now - rng.uniform(1.7, 1.9) * DAY}
    return traits


def _network(rng: random.Random, now: float) -> Traits:
    daily = rng.uniform(250, 1600)
    traits = {"daily": daily, "origin": daily * (SINCE / DAY - rng.uniform(300, 900))}
    if rng.random() < 0.15:
        traits |= {"leak": daily / 24 * rng.uniform(0.15, 0.4), "leak_from": now - 0.9 * DAY}
    return traits


KINDS: tuple[Kind, ...] = (
    Kind(
        name="household_meter", type="WaterConsumptionObserved", prefix="Compteur d’eau", share=0.44,
        interval_s=3600, door="chirpstack_v4", signal=signals.household_meter, traits=_household,
        channels=(Channel("generic_1", "waterIndex", "water_index", 0.001),),
        model=_model("water-meter", "Compteur d’eau communicant", interval_s=3600, codec=LPP), encode=payloads.meter,
    ),
    Kind(
        name="network_meter", type="WaterConsumptionObserved", prefix="Sectorisation", share=0.03,
        interval_s=900, door="mqtt_device", signal=signals.network_meter, traits=_network,
        channels=(
            Channel("index", "waterIndex", "water_index"),
            Channel("flow", "flow", "flow"),
            Channel("pressure", "waterPressure", "water_pressure"),
        ),
        model=_model("sector-meter", "Débitmètre de secteur", interval_s=900, codec=NATIVE),
    ),
    Kind(
        name="indoor", type="IndoorEnvironmentObserved", prefix="Salle", share=0.12, interval_s=900,
        door="chirpstack_v4", signal=signals.indoor, f_port=5, encode=payloads.elsys,
        traits=lambda rng, _: {"crowd": rng.uniform(250, 1100)},
        channels=(
            Channel("temperature", "temperature", "temperature"),
            Channel("humidity", "relativeHumidity", "relative_humidity"),
            Channel("light", "illuminance", "illuminance"),
            Channel("co2", "co2", "co2"),
            Channel("vdd", "batteryVoltage", "battery_voltage"),
        ),
        model=_model("ers-co2", "ERS CO₂", interval_s=900, codec=ELSYS, maker="Elsys"),
    ),
    Kind(
        name="weather", type="WeatherObserved", prefix="Climat", share=0.08, interval_s=900,
        door="chirpstack_v4", signal=signals.weather, encode=payloads.climate,
        traits=lambda rng, _: {"heat": rng.uniform(0.0, 3.2)},
        channels=(
            Channel("temperature_1", "temperature", "temperature"),
            Channel("humidity_2", "relativeHumidity", "relative_humidity"),
            Channel("voltage_3", "batteryVoltage", "battery_voltage"),
        ),
        model=_model("street-climate", "Station de rue", interval_s=900, codec=LPP),
    ),
    Kind(
        name="air", type="AirQualityObserved", prefix="Air", share=0.04, interval_s=600,
        door="mqtt_device", signal=signals.air,
        traits=lambda rng, _: {"traffic": rng.uniform(0.3, 1.2)},
        channels=(
            Channel("pm25", "pm25", "pm25"), Channel("pm10", "pm10", "pm10"),
            Channel("no2", "no2", "no2"), Channel("o3", "o3", "o3"),
            Channel("temperature", "temperature", "temperature"),
            Channel("humidity", "relativeHumidity", "relative_humidity"),
        ),
        model=_model("air-station", "Microstation de l’air", interval_s=600, codec=NATIVE),
    ),
    Kind(
        name="soil", type="GreenspaceRecord", prefix="Espace vert", share=0.06, interval_s=1800,
        door="chirpstack_v4", signal=signals.soil, encode=payloads.soil,
        traits=lambda rng, _: {"every": float(rng.randint(2, 5))},
        channels=(
            Channel("humidity_1", "soilMoisture", "soil_moisture"),
            Channel("temperature_2", "soilTemperature", "soil_temperature"),
            Channel("voltage_3", "batteryVoltage", "battery_voltage"),
        ),
        model=_model("soil-probe", "Sonde de sol", interval_s=1800, codec=LPP),
    ),
    Kind(
        name="waste", type="WasteContainer", prefix="Point d’apport", share=0.07, interval_s=3600,
        door="chirpstack_v4", signal=signals.bin_fill, encode=payloads.waste,
        traits=lambda rng, _: {"period": rng.uniform(1.5, 5), "pace": rng.uniform(0.7, 1.15), "depth": 2.0},
        channels=(
            Channel("distance_1", "fillingLevel", "fill_level", -0.5, 1.0),
            Channel("temperature_2", "temperature", "temperature"),
            Channel("voltage_3", "batteryVoltage", "battery_voltage"),
        ),
        model=_model("bin-sensor", "Jauge à ultrasons", interval_s=3600, codec=LPP),
    ),
    Kind(
        name="lighting", type="StreetlightControlCabinet", prefix="Armoire d’éclairage", share=0.05,
        interval_s=900, door="mqtt_device", signal=signals.lighting,
        traits=lambda rng, _: {"power": rng.uniform(1500, 9000), "start": rng.uniform(5e3, 9e4)},
        channels=(
            Channel("power", "activePower", "power"),
            Channel("index", "energyIndex", "energy_index"),
            Channel("voltage", "voltage", "voltage"),
            Channel("door", "doorOpen", "door_open"),
        ),
        model=_model("lighting-cabinet", "Armoire d’éclairage", interval_s=900, codec=NATIVE),
    ),
    Kind(
        name="river", type="WaterObserved", prefix="Cours d’eau", share=0.01, interval_s=600,
        door="mqtt_device", signal=signals.river,
        traits=lambda rng, _: {"base": rng.uniform(0.2, 0.9)},
        channels=(
            Channel("level", "waterLevel", "water_level"),
            Channel("temperature", "waterTemperature", "water_temperature"),
            Channel("battery", "batteryVoltage", "battery_voltage"),
        ),
        model=_model("river-gauge", "Limnimètre", interval_s=600, codec=NATIVE),
    ),
    Kind(
        name="parking", type="OffStreetParking", prefix="Parking", share=0.03, interval_s=300,
        door="ngsi_v2", signal=signals.parking, feed="offstreetparking",
        traits=lambda rng, _: {"capacity": float(rng.randrange(120, 800, 10)), "peak": rng.uniform(11, 16)},
    ),
    Kind(
        name="bikes", type="BikeHireDockingStation", prefix="Station vélo", share=0.05, interval_s=300,
        door="ngsi_v2", signal=signals.bikes, feed="bikestation",
        traits=lambda rng, _: {"slots": float(rng.randrange(8, 32, 2)), "tide": rng.uniform(-1, 1)},
    ),
    Kind(
        name="counter", type="TrafficFlowObserved", prefix="Compteur vélo", share=0.02, interval_s=3600,
        door="ngsi_v2", signal=signals.counter, feed="ecocounter",
        traits=lambda rng, _: {"busy": rng.uniform(30, 260)},
    ),
)  # fmt: skip

BY_NAME = {each.name: each for each in KINDS}
