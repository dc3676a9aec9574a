"""Units as people, devices and standards write them, and the way from one to another.

Each spelling has a dimension and the way to that dimension's reference: reference = value · factor + offset.
Codes are UN/CEFACT Recommendation 20.
"""

from clapas.domain.quantities import quantity

Unit = tuple[str, float, float]

_SPELLINGS: dict[Unit, str] = {
    ("temperature", 1, 0): "CEL °C C degC celsius",
    ("temperature", 5 / 9, -160 / 9): "FAH °F F degF fahrenheit",
    ("temperature", 1, -273.15): "KEL K kelvin",
    ("ratio", 0.01, 0): "P1 % pct percent pourcent %RH %HR pourcentage",
    ("ratio", 1, 0): "C62 1 ratio",
    ("ratio", 0.001, 0): "NX permille ‰",
    ("length", 1, 0): "MTR m metre mètre meter",
    ("length", 0.01, 0): "CMT cm",
    ("length", 0.001, 0): "MMT mm",
    ("length", 1000, 0): "KMT km",
    ("length", 0.0254, 0): "INH inch",
    ("length", 0.3048, 0): "FOT ft",
    ("pressure", 1, 0): "PAL Pa",
    ("pressure", 100, 0): "A97 MBR hPa mbar",
    ("pressure", 1000, 0): "KPA kPa",
    ("pressure", 100_000, 0): "BAR bar",
    ("pressure", 1_000_000, 0): "MPA MPa",
    ("voltage", 1, 0): "VLT V volt volts",
    ("voltage", 0.001, 0): "2Z mV millivolt millivolts",
    ("current", 1, 0): "AMP A ampere",
    ("current", 0.001, 0): "4K mA",
    ("power", 1, 0): "WTT W watt watts",
    ("power", 1000, 0): "KWT kW",
    ("power", 1_000_000, 0): "MAW MW",
    ("reactive", 1, 0): "D44 var",
    ("reactive", 1000, 0): "KVR kvar",
    ("energy", 1, 0): "KWH kWh",
    ("energy", 0.001, 0): "WHR Wh",
    ("energy", 1000, 0): "MWH MWh",
    ("energy", 1 / 3_600_000, 0): "JOU J",
    ("volume", 1, 0): "MTQ m3 m³ mc",
    ("volume", 0.001, 0): "LTR L litre litres liter",
    ("flow", 1, 0): "MQH m3/h m³/h",
    ("flow", 3600, 0): "MQS m3/s m³/s",
    ("flow", 0.001, 0): "E32 l/h L/h",
    ("flow", 0.06, 0): "L2 l/min L/min",
    ("flow", 3.6, 0): "G51 l/s L/s",
    ("speed", 1, 0): "MTS m/s",
    ("speed", 1 / 3.6, 0): "KMH km/h kmh",
    ("speed", 0.514444, 0): "KNT kn knot",
    ("vibration", 1, 0): "C16 mm/s",
    ("irradiance", 1, 0): "D54 W/m2 W/m²",
    ("illuminance", 1, 0): "LUX lx lux",
    ("illuminance", 1000, 0): "KLX klx",
    ("parts", 1, 0): "59 ppm",
    ("parts", 0.001, 0): "61 ppb",
    ("concentration", 1, 0): "GQ µg/m³ ug/m3 µg/m3",
    ("concentration", 1000, 0): "GP mg/m³ mg/m3",
    ("concentration", 1_000_000, 0): "A93 g/m³ g/m3 M1 mg/L mg/l",
    ("conductivity", 1, 0): "H61 µS/cm uS/cm",
    ("conductivity", 1000, 0): "mS/cm",
    ("conductivity", 10_000, 0): "D10 S/m",
    ("time", 1, 0): "SEC s second seconds secondes",
    ("time", 60, 0): "MIN min minutes",
    ("time", 3600, 0): "HUR h hours heures",
    ("time", 0.001, 0): "C26 ms",
    ("mass", 1, 0): "KGM kg",
    ("mass", 0.001, 0): "GRM g",
    ("mass", 1000, 0): "TNE t",
    ("acceleration", 1, 0): "MSK m/s² m/s2",
    ("acceleration", 9.80665, 0): "K40 gravity",
    ("frequency", 1, 0): "HTZ Hz",
    ("frequency", 1000, 0): "KHZ kHz",
    ("frequency", 1_000_000, 0): "MHZ MHz",
    ("angle", 1, 0): "DD ° deg degree degrees",
    ("angle", 57.29577951308232, 0): "C81 rad",
    ("level", 1, 0): "2N dB dB(A) dBA",
    ("signal", 1, 0): "DBM dBm",
    ("activity", 1, 0): "A19 Bq/m³ Bq/m3",
    ("acidity", 1, 0): "Q30 pH",
    ("turbidity", 1, 0): "NTU FNU",
}

UNITS: dict[str, Unit] = {
    spelling: unit for unit, spellings in _SPELLINGS.items() for spelling in spellings.split()
}
_FOLDED: dict[str, Unit] = {}
for _spelling, _unit in UNITS.items():
    _FOLDED.setdefault(_spelling.lower(), _unit)


def unit(spelling: str) -> Unit | None:
    """What a spelling means; its case counts only where it changes the meaning (mW is not MW)."""
    text = spelling.strip()
    return UNITS.get(text) or _FOLDED.get(text.lower())


def conversion(spelling: str, key: str) -> tuple[float, float]:
    """Scale and offset from a unit to a quantity's own; (1, 0) when they cannot be compared."""
    given, own = unit(spelling), UNITS.get(quantity(key).code)
    if not spelling.strip() or given is None or own is None or given[0] != own[0]:
        return 1.0, 0.0
    if given == own:
        return 1.0, 0.0
    return round(given[1] / own[1], 12), round((given[2] - own[2]) / own[1], 9)


def comparable(spelling: str, key: str) -> bool:
    """False only when the unit is known and measures something else than the quantity."""
    given, own = unit(spelling), UNITS.get(quantity(key).code)
    return given is None or own is None or given[0] == own[0]
