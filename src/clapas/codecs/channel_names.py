"""How makers and cities name what they measure, in French and in English.

One line a meaning, tried in order: the first whose words occur wins. Names are compared as words without
accents nor case: ``TempC_SHT`` is « temp c sht ». A pattern is a regular expression on those words.
"""

import re

_IGNORED = re.compile(
    r"\b(alarm|alarme|alert|threshold|seuil|config|configuration|setting|version|firmware|hardware|history"
    r"|timestamp|time|date|calibration|error|errors|erreur|unit|units|interval|period|periode|serial|sn"
    r"|frame|payload|type|mode|reason|uuid|id|crc|port|counter type|offset|resolution)\b"
)

_NAMES: tuple[tuple[str, str], ...] = (
    # the device itself
    ("battery_voltage", r"(bat|batt|battery|batterie|pile|vdd|vbat|supply)\b.*\b(v|mv|volt|volts|voltage|tension)\b"),
    ("battery_voltage", r"\b(v|voltage|tension)\b.*\b(bat|batt|battery|batterie|pile)\b|\b(vdd|vbat|vbatt|batv|vcc)\b"),
    ("battery_level", r"\b(bat|batt|battery|batterie|pile|batlevel|batterylevel)\b"),
    ("rssi", r"\brssi\b"),
    ("snr", r"\b(snr|lorasnr)\b"),
    ("uptime", r"\buptime\b"),
    # soil before air
    ("soil_temperature", r"\b(soil|sol|ground|terre)\b.*\btemp|\btemp\w*\b.*\b(soil|sol|ground|terre)\b"),
    ("soil_tension", r"\b(soil|sol|water)\b.*\b(tension|potential|suction)\b|\btensiomet|\bwatermark\b"),
    ("soil_conductivity", r"\b(soil|sol)\b.*\b(conduct\w*|ec)\b|\bconduct\w* (soil|sol)\b"),
    ("soil_moisture", r"\b(soil|sol|ground)\b.*\b(moist\w*|hum\w*|water|vwc|teneur)\b|\b(moist\w*|hum\w*)\b.*\b(soil|sol)\b|\bvwc\b|\bvolumetric water\b|\bmoisture\b"),
    ("leaf_wetness", r"\bleaf\b|\bfoliaire\b|\bfeuille\b"),
    # temperatures
    ("water_temperature", r"\b(water|eau|sea|mer)\b.*\btemp|\btemp\w*\b.*\b(water|eau|mer)\b"),
    ("globe_temperature", r"\b(black )?globe\b"),
    ("surface_temperature", r"\b(surface|road|chaussee|ir external|irexternal)\b.*\btemp|\btemp\w*\b.*\b(surface|chaussee|road)\b"),
    ("dew_point", r"\b(dew|rosee)\b"),
    ("utci", r"\butci\b"),
    ("temperature", r"\b(temp|temperature|temperatures|tempc|tempf|tmp|tair|t air|ambient temp\w*|outdoortemp|indoortemp)\b|\btemp\w*\b"),
    # humidity and pressure
    ("absolute_humidity", r"\babsolute? hum\w*|\bhumidite absolue\b"),
    ("relative_humidity", r"\b(hum|humi|humidity|humidite|hygro\w*|rh|hr|relativehumidity)\b"),
    ("atmospheric_pressure", r"\b(baro\w*|atmospher\w*|air pressure|pression atmo\w*|patm)\b"),
    ("water_pressure", r"\b(water|pipe|eau|reseau|conduite)\b.*\bpress\w*|\bpress\w*\b.*\b(water|pipe|eau|reseau|conduite)\b"),
    ("pressure", r"\b(pressure|pression|press)\b"),
    # weather
    ("rain_index", r"\b(rain|pluie|precip\w*)\b.*\b(total|cumul\w*|index|accumulated)\b|\b(total|cumul\w*)\b.*\b(rain|pluie|precip\w*)\b"),
    ("precipitation", r"\b(rain\w*|pluie|pluvio\w*|precip\w*)\b"),
    ("wind_gust", r"\b(gust\w*|rafale\w*)\b|\bwind\b.*\bmax\w*\b|\bmax\w* wind\b"),
    ("wind_direction", r"\b(wind|vent)\b.*\b(dir\w*|bearing|azimut)\b|\bdir\w*\b.*\b(wind|vent)\b|\bwinddir\w*\b"),
    ("wind_speed", r"\b(wind|vent|windspeed|anemo\w*)\b"),
    ("solar_radiation", r"\b(solar|rayonnement|ensoleillement|irradiance|pyrano\w*|radiation)\b"),
    ("uv_index", r"\b(uv|uvi)\b"),
    ("snow_height", r"\b(snow|neige)\b"),
    ("evapotranspiration", r"\b(et0|evapotranspiration)\b"),
    ("illuminance", r"\b(lux|illuminance|illumination|illum|luminosity|luminosite|eclairement|brightness|ill lux|light)\b"),
    # air
    ("co2", r"\b(co2|eco2|dioxyde de carbone|carbon dioxide)\b"),
    ("pm25", r"\b(pm ?2[ ._]?5|pm25)\b"),
    ("pm10", r"\bpm ?10\b"),
    ("pm1", r"\bpm ?1( 0)?\b"),
    ("pm4", r"\bpm ?4( 0)?\b"),
    ("no2", r"\bno2\b"),
    ("no", r"\bno\b"),
    ("o3", r"\b(o3|ozone)\b"),
    ("so2", r"\bso2\b"),
    ("co", r"\bco\b"),
    ("formaldehyde", r"\b(hcho|formaldehyde|ch2o)\b"),
    ("benzene", r"\bbenzene\b"),
    ("radon", r"\bradon\b"),
    ("voc_index", r"\b(voc|iaq) (index|indice)\b|\biaq\b"),
    ("tvoc", r"\b(tvoc|voc|cov)\b"),
    ("sound_level_max", r"\b(sound|noise|son|bruit|la)\b.*\b(peak|max|crete)\b|\blamax\b|\blafmax\b"),
    ("sound_level", r"\b(sound|noise|son|bruit|sonore|laeq|leq|dba|spl|laf)\b"),
    ("odour_index", r"\b(odou?r|odeur)\w*\b"),
    # water
    ("water_backflow_index", r"\b(backflow|retour|reverse)\b"),
    ("water_leak", r"\b(leak\w*|fuite\w*|waterleak|flood\w*|inondation)\b"),
    ("river_flow", r"\b(river|riviere)\b.*\b(flow|debit|discharge)\b|\bdischarge\b"),
    ("flow", r"\b(flow|flowrate|debit)\b"),
    ("tank_level", r"\b(tank|reservoir|cuve|citerne)\b"),
    ("water_level", r"\b(water level|waterlevel|level water|niveau( d)? eau|hauteur( d)? eau|depth|profondeur|liquid level|hauteur|limni\w*)\b"),
    ("ph", r"\bph\b"),
    ("turbidity", r"\bturb\w*\b"),
    ("free_chlorine", r"\b(chlor\w*)\b"),
    ("dissolved_oxygen", r"\b(dissolved oxygen|oxygene dissous|od|do mg l|odo)\b"),
    ("nitrate", r"\b(nitrate\w*|no3)\b"),
    ("conductivity", r"\b(conductivit\w*|ec|cond)\b"),
    ("water_index", r"\b(water|eau)\b.*\b(index|meter|compteur|volume total|total)\b|\b(index|compteur)\b.*\beau\b|\b(current|total) volume\b|\bvolume (index|total)\b|\bwaterindex\b"),
    ("water_volume", r"\b(volume|consommation eau|water consumption|water)\b"),
    # energy
    ("gas_index", r"\b(gas|gaz)\b"),
    ("heat_index_energy", r"\b(heat|chaleur)\b"),
    ("charging_power", r"\bcharg\w* power\b|\bpuissance de recharge\b"),
    ("reactive_power", r"\breactive\b.*\bpower\b|\bpuissance reactive\b|\bvar\b"),
    ("power_factor", r"\b(power factor|cos ?phi|facteur de puissance)\b"),
    ("energy_index", r"\b(energy|energie|kwh|wh|eait|east|base index|electricity index)\b"),
    ("power", r"\b(power|puissance|watt\w*|activepower|papp)\b"),
    ("voltage", r"\b(voltage|volt|volts|tension|adc v)\b"),
    ("current", r"\b(current|courant|intensite|ampere\w*|amps?|iinst)\b"),
    ("frequency", r"\b(frequency|frequence|hz)\b"),
    ("lamp_level", r"\b(dim|dimming|lamp|gradation)\b"),
    # mobility
    ("free_places", r"\b(free|available|libre|libres|dispo\w*|vacant)\b.*\b(place\w*|spot\w*|space\w*|slot\w*|bay\w*)\b|\b(place\w*|spot\w*|space\w*)\b.*\b(free|available|libre|libres|dispo\w*)\b|\bavailablespotnumber\b"),
    ("total_places", r"\b(total|max|capacity|capacite)\b.*\b(place\w*|spot\w*|space\w*)\b|\btotalspotnumber\b|\bcapacite\b|\bcapacity\b"),
    ("docks_available", r"\b(free|available|libre\w*)\b.*\bdock\w*\b|\bfreeslotnumber\b|\bnum docks available\b"),
    ("bikes_available", r"\b(bike\w*|velo\w*)\b.*\b(available|dispo\w*)\b|\bavailable bike\w*\b|\bavailablebikenumber\b"),
    ("parking_occupied", r"\b(parking|bay|stationnement|place|occupied|occupe)\b"),
    ("bicycle_count", r"\b(bicycle\w*|bike\w*|velo\w*|cyclist\w*|cycliste\w*)\b"),
    ("pedestrian_count", r"\b(pedestrian\w*|pieton\w*|visitors?|passage\w*|people in|people out|count in|count out)\b"),
    ("vehicle_speed", r"\b(vehicle|traffic|car|vitesse|average)\b.*\b(speed|vitesse)\b|\b(speed|vitesse)\b"),
    ("vehicle_count", r"\b(vehicle\w*|vehicule\w*|car count|traffic|trafic|debit routier|intensity)\b"),
    ("people_present", r"\b(people|personnes|occupants|persons?)\b"),
    ("travel_time", r"\b(travel time|temps de parcours)\b"),
    # waste, buildings, safety
    ("fill_level", r"\b(fill\w*|remplissage)\b"),
    ("distance", r"\b(distance|ultrason\w*|range)\b"),
    ("weight", r"\b(weight|poids|masse)\b"),
    ("door_open", r"\b(door|porte|window|fenetre|magnet\w*|contact|ouverture|reed)\b"),
    ("presence", r"\b(presence|pir|motion|mouvement|occupancy|occupation|movement)\b"),
    ("valve_opening", r"\b(valve|vanne)\b"),
    ("acceleration_x", r"\bacc\w*\b.*\bx\b|\bx\b.*\bacc\w*\b"),
    ("acceleration_y", r"\bacc\w*\b.*\by\b|\by\b.*\bacc\w*\b"),
    ("acceleration_z", r"\bacc\w*\b.*\bz\b|\bz\b.*\bacc\w*\b"),
    ("vibration", r"\bvibration\b"),
    ("tilt", r"\b(tilt|inclinaison|pitch|roll|angle)\b"),
    ("count_index", r"\b(count|counter|pulse|pulses|index|compteur|impulsion\w*|totali\w*)\b"),
    ("distance", r"\b(level|niveau)\b"),
)  # fmt: skip

NAMES = tuple((key, re.compile(pattern)) for key, pattern in _NAMES)
"""Meaning → pattern; 'pressure' is not a quantity: its value decides which."""


def ignored(words: str) -> bool:
    """True for settings, alarms and descriptions, which measure nothing."""
    return _IGNORED.search(words) is not None
