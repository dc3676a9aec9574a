"""The devices of the known recordings, as values to register before they are fed.

Places are those that the recordings publish (geo-hashed to about 600 m for Grenoble). The things of feeds
describe themselves and are not listed.
"""

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import msgspec

from clapas.domain.device import Binding, CodecRef, Device, Entity, Model


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded device: its model, its point of measure, what each channel means."""

    key: str
    name: str
    source: str
    model: Model
    type: str
    place: tuple[float, float] | None
    dataset: str = ""
    channels: tuple[tuple[str, str, str, float], ...]
    """Channel, attribute, quantity, scale."""

    @property
    def entity(self) -> Entity:
        """The point of measure."""
        longitude, latitude = self.place or (None, None)
        return Entity(
            id=f"urn:ngsi-ld:{self.type}:{self.key}",
            type=self.type,
            name=self.name,
            longitude=longitude,
            latitude=latitude,
            dataset=self.dataset,
        )

    @property
    def bindings(self) -> tuple[Binding, ...]:
        """What each channel becomes."""
        return tuple(
            Binding(
                channel=channel,
                entity=self.entity.id,
                attribute=attribute,
                quantity=quantity,
                scale=scale,
            )
            for channel, attribute, quantity, scale in self.channels
        )

    def device(self, created: datetime) -> Device:
        """The device to register; its id is the same every time."""
        longitude, latitude = self.place or (None, None)
        return Device(
            id=uuid5(NAMESPACE_URL, f"clapas:recorded:{self.key}"),
            key=self.key,
            source=self.source,
            model=self.model.id,
            name=self.name,
            longitude=longitude,
            latitude=latitude,
            created=created,
        )


ELSYS = Model(
    id="elsys-ems",
    label="EMS",
    maker="Elsys",
    codec=CodecRef("python", "elsys", "ttn", 1),
    interval_s=1800,
)
WYRES = Model(
    id="wyres-base",
    label="W-BASE",
    maker="Wyres",
    codec=CodecRef("python", "wyres_wbase", "ttn", 1),
)
LOGGER = Model(id="recorded-logger", label="Enregistreur", interval_s=900)
TEMPERATURE = ("temperature", "temperature", "temperature", 1.0)


def _room(key: str, name: str, *, channels: tuple[str, str] = ("Temp", "RH")) -> Recorded:
    """A climate logger; ``channels`` are its columns of temperature (°C) and humidity (%)."""
    return Recorded(
        key=key,
        name=name,
        source="csv_drop",
        model=LOGGER,
        type="IndoorEnvironmentObserved",
        place=None,
        dataset="museum",
        channels=(
            (channels[0], "temperature", "temperature", 1.0),
            (channels[1], "relativeHumidity", "relative_humidity", 0.01),
        ),
    )


RECORDED = (
    Recorded(
        key="a81758fffe04b1c1",
        name="Tour Perret, Grenoble",
        source="helium",
        model=ELSYS,
        type="WeatherObserved",
        place=(5.740356, 45.184021),
        channels=(
            TEMPERATURE,
            ("humidity", "relativeHumidity", "relative_humidity", 1.0),
            ("vdd", "batteryVoltage", "battery_voltage", 1.0),
            ("waterleak", "waterLeak", "water_leak", 1.0),
        ),
    ),
    Recorded(
        key="d1d1e80000000032",
        name="Saint-Eynard, Grenoble",
        source="chirpstack_v3",
        model=WYRES,
        type="WeatherObserved",
        place=None,
        channels=(TEMPERATURE, ("pressure", "atmosphericPressure", "atmospheric_pressure", 1.0)),
    ),
    _room("London:Room_1", "Salle 1"),
    _room("London:Room_1_Case", "Salle 1, vitrine"),
    _room("London:External", "Extérieur du musée"),
    _room("York:Store", "Réserve d’York", channels=("TEMPERATURE", "HUMIDITY")),
    _room("External", "Extérieur d’York", channels=("Temperature (C)", "Humidity (%RH)")),
    Recorded(
        key="stage_2001_2013",
        name="L’Ardèche à Meyras",
        source="csv_drop",
        model=Model(id="recorded-gauge", label="Limnimètre"),
        type="WaterObserved",
        place=None,
        channels=(("H (cm)", "waterLevel", "water_level", 0.01),),
    ),
    Recorded(
        key="meteo_montpellier_horaire_2024-11_2025-11",
        name="Météo de Montpellier",
        source="csv_drop",
        model=Model(id="recorded-weather", label="Série météorologique", interval_s=3600),
        type="WeatherObserved",
        place=(3.8767, 43.6109),
        channels=(
            ("temperature_2m", "temperature", "temperature", 1.0),
            ("wind_speed_10m", "windSpeed", "wind_speed", 1 / 3.6),
            ("precipitation", "precipitation", "precipitation", 1.0),
        ),
    ),
)
