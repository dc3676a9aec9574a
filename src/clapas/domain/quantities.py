"""The vocabulary of quantities: one internal unit each, everywhere in Clapas.

Units are normalised once, in the codec or the binding; nothing downstream converts. The internal unit
is also the NGSI-LD one (Smart Data Models): a relative humidity is 0 to 1 and *shown* as a percentage.
Unit codes: UN/CEFACT Recommendation 20. Kinds: ``instant`` (a state), ``total`` (an amount over the
interval that ends at the measured time), ``increasing`` (an index that only grows, but for resets).
"""

from typing import Literal

import msgspec

Kind = Literal["instant", "total", "increasing"]


class Quantity(msgspec.Struct, frozen=True, gc=False):
    """A quantity: key, unit symbol and UN/CEFACT code, kind, plausible range, labels, NGSI-LD name.

    ``shown_scale`` and ``shown_unit`` say how people read it (0.45 → 45 %).
    """

    key: str
    unit: str
    code: str
    kind: Kind
    low: float
    high: float
    fr: str
    en: str
    ngsi: str
    shown_scale: float = 1.0
    shown_unit: str = ""
    decimals: int = 1

    @property
    def yes_or_no(self) -> bool:
        """Its values are 0 and 1, and people read them as no and yes."""
        return (self.low, self.high, self.unit, self.shown_scale) == (0, 1, "", 1.0)


_TABLE: tuple[tuple[object, ...], ...] = (
    # climate and weather
    ("temperature", "°C", "CEL", "instant", -60, 100, "Température", "Temperature", "temperature"),
    ("water_temperature", "°C", "CEL", "instant", -5, 95, "Température de l’eau", "Water temperature", "waterTemperature"),
    ("surface_temperature", "°C", "CEL", "instant", -60, 120, "Température de surface", "Surface temperature", "surfaceTemperature"),
    ("soil_temperature", "°C", "CEL", "instant", -40, 80, "Température du sol", "Soil temperature", "soilTemperature"),
    ("globe_temperature", "°C", "CEL", "instant", -60, 120, "Température de globe noir", "Globe temperature", "globeTemperature"),
    ("dew_point", "°C", "CEL", "instant", -80, 50, "Point de rosée", "Dew point", "dewPoint"),
    ("utci", "°C", "CEL", "instant", -90, 80, "Température ressentie (UTCI)", "Universal thermal climate index", "utci"),
    ("relative_humidity", "", "C62", "instant", 0, 1, "Humidité relative", "Relative humidity", "relativeHumidity", 100.0, "%", 0),
    ("absolute_humidity", "g/m³", "A93", "instant", 0, 200, "Humidité absolue", "Absolute humidity", "absoluteHumidity"),
    ("atmospheric_pressure", "hPa", "A97", "instant", 300, 1100, "Pression atmosphérique", "Atmospheric pressure", "atmosphericPressure"),
    ("precipitation", "mm", "MMT", "total", 0, 300, "Précipitations", "Precipitation", "precipitation"),
    ("rain_index", "mm", "MMT", "increasing", 0, 1e9, "Cumul du pluviomètre", "Rain gauge total", "rainIndex"),
    ("wind_speed", "m/s", "MTS", "instant", 0, 120, "Vitesse du vent", "Wind speed", "windSpeed"),
    ("wind_gust", "m/s", "MTS", "instant", 0, 150, "Rafale", "Wind gust", "gustSpeed"),
    ("wind_direction", "°", "DD", "instant", 0, 360, "Direction du vent", "Wind direction", "windDirection", 1.0, "", 0),
    ("solar_radiation", "W/m²", "D54", "instant", 0, 2000, "Rayonnement solaire", "Solar radiation", "solarRadiation", 1.0, "", 0),
    ("uv_index", "", "C62", "instant", 0, 20, "Indice UV", "UV index", "uVIndexMax"),
    ("illuminance", "lx", "LUX", "instant", 0, 200000, "Éclairement", "Illuminance", "illuminance", 1.0, "", 0),
    ("evapotranspiration", "mm", "MMT", "total", -2, 20, "Évapotranspiration de référence", "Reference evapotranspiration", "evapotranspiration"),
    ("snow_height", "m", "MTR", "instant", 0, 10, "Hauteur de neige", "Snow height", "snowHeight", 100.0, "cm", 0),
    # air
    ("co2", "ppm", "59", "instant", 0, 40000, "CO₂", "CO₂", "co2", 1.0, "", 0),
    ("co", "mg/m³", "GP", "instant", -5, 500, "Monoxyde de carbone", "Carbon monoxide", "co", 1.0, "", 2),
    ("no", "µg/m³", "GQ", "instant", -50, 5000, "Monoxyde d’azote", "Nitric oxide", "no"),
    ("no2", "µg/m³", "GQ", "instant", -50, 5000, "Dioxyde d’azote", "Nitrogen dioxide", "no2"),
    ("o3", "µg/m³", "GQ", "instant", -50, 2000, "Ozone", "Ozone", "o3"),
    ("so2", "µg/m³", "GQ", "instant", -50, 5000, "Dioxyde de soufre", "Sulphur dioxide", "so2"),
    ("pm1", "µg/m³", "GQ", "instant", -20, 5000, "Particules PM1", "Particles PM1", "pm1"),
    ("pm25", "µg/m³", "GQ", "instant", -20, 5000, "Particules PM2,5", "Particles PM2.5", "pm25"),
    ("pm4", "µg/m³", "GQ", "instant", -20, 5000, "Particules PM4", "Particles PM4", "pm4"),
    ("pm10", "µg/m³", "GQ", "instant", -20, 10000, "Particules PM10", "Particles PM10", "pm10"),
    ("tvoc", "µg/m³", "GQ", "instant", 0, 100000, "Composés organiques volatils", "Volatile organic compounds", "tvoc"),
    ("voc_index", "", "C62", "instant", 0, 500, "Indice COV", "VOC index", "vocIndex", 1.0, "", 0),
    ("formaldehyde", "µg/m³", "GQ", "instant", 0, 10000, "Formaldéhyde", "Formaldehyde", "formaldehyde"),
    ("benzene", "µg/m³", "GQ", "instant", -5, 1000, "Benzène", "Benzene", "c6h6", 1.0, "", 2),
    ("radon", "Bq/m³", "A19", "instant", 0, 100000, "Radon", "Radon", "radon", 1.0, "", 0),
    ("sound_level", "dB(A)", "2N", "instant", 0, 160, "Niveau sonore LAeq", "Sound level LAeq", "LAeq"),
    ("sound_level_max", "dB(A)", "2N", "instant", 0, 160, "Niveau sonore LAmax", "Sound level LAmax", "LAmax"),
    ("odour_index", "", "C62", "instant", 0, 100000, "Indice d’odeur", "Odour index", "odourIndex"),
    # water
    ("water_index", "m³", "MTQ", "increasing", 0, 1e9, "Index du compteur d’eau", "Water meter index", "waterIndex", 1.0, "", 3),
    ("water_volume", "m³", "MTQ", "total", -1e5, 1e6, "Volume d’eau", "Water volume", "waterVolume", 1.0, "", 3),
    ("water_backflow_index", "m³", "MTQ", "increasing", 0, 1e9, "Index de retour d’eau", "Backflow index", "waterBackflowIndex", 1.0, "", 3),
    ("flow", "m³/h", "MQH", "instant", -1e5, 1e5, "Débit", "Flow", "flow", 1.0, "", 2),
    ("river_flow", "m³/s", "MQS", "instant", 0, 20000, "Débit de la rivière", "River discharge", "riverFlow", 1.0, "", 2),
    ("water_pressure", "bar", "BAR", "instant", -1, 40, "Pression d’eau", "Water pressure", "waterPressure", 1.0, "", 2),
    ("water_level", "m", "MTR", "instant", -20, 100, "Hauteur d’eau", "Water level", "waterLevel", 1.0, "", 2),
    ("tank_level", "m", "MTR", "instant", 0, 50, "Niveau du réservoir", "Tank level", "tankLevel", 1.0, "", 2),
    ("ph", "pH", "Q30", "instant", 0, 14, "pH", "pH", "pH", 1.0, "", 2),
    ("conductivity", "µS/cm", "H61", "instant", 0, 200000, "Conductivité", "Conductivity", "conductivity", 1.0, "", 0),
    ("turbidity", "NTU", "NTU", "instant", 0, 4000, "Turbidité", "Turbidity", "turbidity", 1.0, "", 2),
    ("free_chlorine", "mg/L", "M1", "instant", 0, 20, "Chlore libre", "Free chlorine", "freeChlorine", 1.0, "", 2),
    ("dissolved_oxygen", "mg/L", "M1", "instant", 0, 40, "Oxygène dissous", "Dissolved oxygen", "O2", 1.0, "", 2),
    ("nitrate", "mg/L", "M1", "instant", 0, 500, "Nitrates", "Nitrate", "NO3"),
    # soil and green spaces
    ("soil_moisture", "", "C62", "instant", 0, 1, "Humidité du sol", "Soil moisture", "soilMoisture", 100.0, "%", 0),
    ("soil_tension", "kPa", "KPA", "instant", 0, 1500, "Tension du sol", "Soil water tension", "soilTension", 1.0, "", 0),
    ("soil_conductivity", "µS/cm", "H61", "instant", 0, 20000, "Conductivité du sol", "Soil conductivity", "soilConductivity", 1.0, "", 0),
    ("leaf_wetness", "", "C62", "instant", 0, 1, "Humectation foliaire", "Leaf wetness", "leafWetness", 100.0, "%", 0),
    ("irrigation_depth", "mm", "MMT", "total", 0, 200, "Dose d’irrigation", "Irrigation depth", "irrigationDepth"),
    ("valve_opening", "", "C62", "instant", 0, 1, "Ouverture de vanne", "Valve opening", "valveOpening", 100.0, "%", 0),
    # energy and lighting
    ("energy_index", "kWh", "KWH", "increasing", 0, 1e12, "Index d’énergie", "Energy index", "energyIndex"),
    ("energy", "kWh", "KWH", "total", -1e9, 1e9, "Énergie", "Energy", "energy"),
    ("power", "W", "WTT", "instant", -1e9, 1e9, "Puissance", "Power", "activePower", 1.0, "", 0),
    ("reactive_power", "var", "D44", "instant", -1e9, 1e9, "Puissance réactive", "Reactive power", "reactivePower", 1.0, "", 0),
    ("voltage", "V", "VLT", "instant", -1e6, 1e6, "Tension", "Voltage", "voltage"),
    ("current", "A", "AMP", "instant", -1e5, 1e5, "Intensité", "Current", "current", 1.0, "", 2),
    ("power_factor", "", "C62", "instant", -1, 1, "Facteur de puissance", "Power factor", "powerFactor", 1.0, "", 2),
    ("frequency", "Hz", "HTZ", "instant", 0, 1e6, "Fréquence", "Frequency", "frequency", 1.0, "", 2),
    ("gas_index", "m³", "MTQ", "increasing", 0, 1e9, "Index de gaz", "Gas meter index", "gasIndex", 1.0, "", 3),
    ("heat_index_energy", "kWh", "KWH", "increasing", 0, 1e12, "Index de chaleur", "Heat meter index", "heatIndex"),
    ("lamp_level", "", "C62", "instant", 0, 1, "Niveau d’éclairage", "Lamp level", "illuminanceLevel", 100.0, "%", 0),
    # mobility
    ("vehicle_count", "", "C62", "total", 0, 1e6, "Véhicules", "Vehicles", "intensity", 1.0, "", 0),
    ("bicycle_count", "", "C62", "total", 0, 1e6, "Vélos", "Bicycles", "bicycleCount", 1.0, "", 0),
    ("pedestrian_count", "", "C62", "total", 0, 1e7, "Piétons", "Pedestrians", "peopleCount", 1.0, "", 0),
    ("people_present", "", "C62", "instant", 0, 1e6, "Personnes présentes", "People present", "peopleOccupancy", 1.0, "", 0),
    ("count_index", "", "C62", "increasing", 0, 1e12, "Compteur", "Counter", "countIndex", 1.0, "", 0),
    ("vehicle_speed", "km/h", "KMH", "instant", 0, 300, "Vitesse moyenne", "Average speed", "averageVehicleSpeed", 1.0, "", 0),
    ("travel_time", "s", "SEC", "instant", 0, 86400, "Temps de parcours", "Travel time", "travelTime", 1.0, "", 0),
    ("road_occupancy", "", "C62", "instant", 0, 1, "Taux d’occupation", "Occupancy", "occupancy", 100.0, "%", 0),
    ("free_places", "", "C62", "instant", 0, 1e5, "Places libres", "Free places", "availableSpotNumber", 1.0, "", 0),
    ("total_places", "", "C62", "instant", 0, 1e5, "Places en tout", "Total places", "totalSpotNumber", 1.0, "", 0),
    ("bikes_available", "", "C62", "instant", 0, 1e4, "Vélos disponibles", "Bikes available", "availableBikeNumber", 1.0, "", 0),
    ("docks_available", "", "C62", "instant", 0, 1e4, "Places vélo libres", "Free docks", "freeSlotNumber", 1.0, "", 0),
    ("parking_occupied", "", "C62", "instant", 0, 1, "Place occupée", "Bay occupied", "occupied", 1.0, "", 0),
    ("charging_power", "kW", "KWT", "instant", 0, 1000, "Puissance de recharge", "Charging power", "chargingPower"),
    # waste, buildings, safety
    ("fill_level", "", "C62", "instant", 0, 1, "Taux de remplissage", "Fill level", "fillingLevel", 100.0, "%", 0),
    ("distance", "m", "MTR", "instant", 0, 1000, "Distance", "Distance", "distance", 1.0, "", 3),
    ("weight", "kg", "KGM", "instant", -1e5, 1e6, "Poids", "Weight", "weight"),
    ("presence", "", "C62", "instant", 0, 1e6, "Présence", "Presence", "presence", 1.0, "", 0),
    ("door_open", "", "C62", "instant", 0, 1, "Ouverture", "Door open", "doorOpen", 1.0, "", 0),
    ("water_leak", "", "C62", "instant", 0, 1, "Fuite détectée", "Leak detected", "waterLeak", 1.0, "", 0),
    ("acceleration_x", "m/s²", "MSK", "instant", -2000, 2000, "Accélération X", "Acceleration X", "accelerationX", 1.0, "", 2),
    ("acceleration_y", "m/s²", "MSK", "instant", -2000, 2000, "Accélération Y", "Acceleration Y", "accelerationY", 1.0, "", 2),
    ("acceleration_z", "m/s²", "MSK", "instant", -2000, 2000, "Accélération Z", "Acceleration Z", "accelerationZ", 1.0, "", 2),
    ("tilt", "°", "DD", "instant", -360, 360, "Inclinaison", "Tilt", "tilt"),
    ("vibration", "mm/s", "C16", "instant", 0, 1000, "Vibration", "Vibration", "vibration", 1.0, "", 2),
    # the device itself
    ("battery_voltage", "V", "VLT", "instant", 0, 60, "Tension de la pile", "Battery voltage", "batteryVoltage", 1.0, "", 2),
    ("battery_level", "", "C62", "instant", 0, 1, "Pile", "Battery", "batteryLevel", 100.0, "%", 0),
    ("rssi", "dBm", "DBM", "instant", -200, 20, "Puissance reçue (RSSI)", "Signal strength (RSSI)", "rssi", 1.0, "", 0),
    ("snr", "dB", "2N", "instant", -40, 40, "Rapport signal sur bruit", "Signal to noise ratio", "snr"),
    ("device_status", "", "C62", "instant", -1e9, 1e9, "État de l’appareil", "Device status", "deviceState", 1.0, "", 0),
    ("uptime", "s", "SEC", "increasing", 0, 1e10, "Temps de marche", "Uptime", "uptime", 1.0, "", 0),
    # anything else
    ("number", "", "C62", "instant", -1e308, 1e308, "Valeur", "Value", "value", 1.0, "", 3),
)  # fmt: skip

QUANTITIES: dict[str, Quantity] = {
    str(row[0]): Quantity(*row)  # type: ignore[arg-type]
    for row in _TABLE
}


def quantity(key: str) -> Quantity:
    """The quantity of that key; an unknown key is a plain number with no plausible range."""
    return QUANTITIES.get(key) or QUANTITIES["number"]


BY_NGSI_NAME: dict[str, Quantity] = {each.ngsi: each for each in QUANTITIES.values()}
"""NGSI-LD attribute name → quantity, to recognise attributes of feeds and of brokers."""
