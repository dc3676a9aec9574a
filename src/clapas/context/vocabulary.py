"""The platform's own @context, and the names under which others write the same things.

Smart Data Models give one attribute several IRIs: one for each subject, one for all, none without a
@context. The aliases bring them to the one under which the platform keeps what it measures, so that a
question in any of these @contexts finds the same data.
"""

from collections.abc import Mapping
from functools import lru_cache

from clapas.context.core import VOCAB
from clapas.domain.quantities import QUANTITIES

NAME = "platform"
"""The last part of its address, which does not change."""
MODELS = "https://smartdatamodels.org/"
GLOBAL = (
    "https://smart-data-models.github.io/data-models/terms.jsonld#/definitions/",
    "https://raw.githubusercontent.com/smart-data-models/data-models/master/terms.jsonld#/definitions/",
)
TYPES: Mapping[str, str] = {
    "Alert": "Alert",
    "Building": "Building",
    "Device": "Device DeviceMeasurement DeviceModel",
    "Environment": "AirQualityObserved FloodMonitoring IndoorEnvironmentObserved NoiseLevelObserved"
    " WaterObserved",
    "Parking": "OffStreetParking OnStreetParking ParkingSpot",
    "ParksAndGardens": "GreenspaceRecord",
    "PointOfInterest": "Museum",
    "Streetlighting": "Streetlight",
    "Transportation": "BikeHireDockingStation CrowdFlowObserved TrafficFlowObserved",
    "WasteManagement": "WasteContainer",
    "WaterConsumption": "WaterConsumptionObserved",
    "Weather": "WeatherObserved",
}
"""Types of the public models, by subject."""
MEMBERS: Mapping[str, str] = {
    "": "name alternateName address areaServed dataProvider dateCreated dateModified owner seeAlso"
    " source refDevice refPointOfInterest dateObserved dateObservedFrom dateObservedTo category"
    " status",
    "Alert": "subCategory severity dateIssued validFrom validTo alertSource",
    "Device": "controlledProperty serialNumber refDeviceModel brandName modelName manufacturerName",
    "Parking": "occupiedSpotNumber refParkingSite",
    "Transportation": "totalSlotNumber outOfServiceSlotNumber laneId congested",
    "WaterConsumption": "waterConsumption minFlow maxFlow",
}
"""Attributes of the public models that are no quantity, by subject."""
MEASURED: Mapping[str, str] = {
    "": "temperature relativeHumidity precipitation windSpeed windDirection atmosphericPressure"
    " illuminance occupancy peopleCount",
    "Device": "batteryLevel rssi deviceState value distance",
    "Environment": "no no2 o3 so2 co co2 pm1 pm10 pm25 c6h6 LAeq LAmax flow",
    "Parking": "totalSpotNumber availableSpotNumber",
    "ParksAndGardens": "soilTemperature",
    "Streetlighting": "illuminanceLevel",
    "Transportation": "freeSlotNumber availableBikeNumber intensity averageVehicleSpeed",
    "WasteManagement": "fillingLevel",
    "Weather": "solarRadiation dewPoint snowHeight uVIndexMax",
}
"""Quantities that the public models name, by subject ('': several)."""


TOLD = "Alert category subCategory severity dateIssued validFrom validTo alertSource"
"""The type and the attributes under which alarms are told."""


def _iris(table: Mapping[str, str]) -> dict[str, str]:
    return {
        name: f"{MODELS}dataModel.{subject}/{name}" if subject else MODELS + name
        for subject, names in table.items()
        for name in names.split()
    }


@lru_cache(maxsize=1)
def platform_context() -> dict[str, str]:
    """Term → IRI: types and attributes of the public models, and every quantity of the platform."""
    own = {each.ngsi: VOCAB + each.ngsi for each in QUANTITIES.values()}
    return dict(sorted({**own, **_iris(MEASURED), **_iris(MEMBERS), **_iris(TYPES)}.items()))


@lru_cache(maxsize=1)
def platform_aliases() -> dict[str, str]:
    """Every IRI that public @contexts give a quantity, or a word of an alarm → the one under which it is kept."""
    found: dict[str, str] = {}
    for name in (*_iris(MEASURED), *TOLD.split()):
        written = [MODELS + name, *(base + name for base in GLOBAL)]
        written += [f"{MODELS}dataModel.{subject}/{name}" for subject in {*TYPES, *MEASURED} - {""}]
        found |= dict.fromkeys(written, VOCAB + name)
    return found


def followed(aliases: Mapping[str, str]) -> dict[str, str]:
    """Aliases with their last target; a circle ends where it began."""
    found: dict[str, str] = {}
    for start in aliases:
        target, seen = aliases[start], {start}
        while target in aliases and target not in seen:
            seen.add(target)
            target = aliases[target]
        if target != start:
            found[start] = target
    return found
