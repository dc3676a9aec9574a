"""Names of channels, in two languages and many makers' spellings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapas.codecs.guess import conversion, flatten, quantity
from clapas.domain.message import Value
from clapas.domain.quantities import QUANTITIES


@pytest.mark.parametrize(
    ("channel", "unit", "value", "expected", "kept"),
    [
        ("TempC_SHT", "", 21.3, "temperature", 21.3),
        ("temperature_f", "", 212.0, "temperature", 100.0),
        ("Température extérieure", "", -3.0, "temperature", -3.0),
        ("temperature_sol", "", 12.0, "soil_temperature", 12.0),
        ("water_temp", "", 12.0, "water_temperature", 12.0),
        ("Hum_SHT", "", 55.0, "relative_humidity", 0.55),
        ("relativeHumidity", "", 0.55, "relative_humidity", 0.55),
        ("humidité", "P1", 40.0, "relative_humidity", 0.4),
        ("humidité du sol", "", 30.0, "soil_moisture", 0.3),
        ("BatV", "", 3.1, "battery_voltage", 3.1),
        ("vdd", "", 3610.0, "battery_voltage", 3.61),
        ("battery", "", 92.0, "battery_level", 0.92),
        ("battery", "", 3.6, "battery_voltage", 3.6),
        ("pile", "%", 80.0, "battery_level", 0.8),
        ("pressure", "", 1008.6, "atmospheric_pressure", 1008.6),
        ("pressure", "", 100860.0, "atmospheric_pressure", 1008.6),
        ("pressure", "KPA", 300.0, "water_pressure", 3.0),
        ("pression_reseau", "", 3.2, "water_pressure", 3.2),
        ("CO2_ppm", "", 800.0, "co2", 800.0),
        ("pm2_5", "", 12.0, "pm25", 12.0),
        ("distance_mm", "", 2116.0, "distance", 2.116),
        ("hauteur_eau", "cm", 120.0, "water_level", 1.2),
        ("index_eau", "LTR", 1500.0, "water_index", 1.5),
        ("vitesse_vent", "KMH", 36.0, "wind_speed", 10.0),
        ("niveau de bruit", "", 55.0, "sound_level", 55.0),
        ("taux_remplissage", "", 40.0, "fill_level", 0.4),
        ("places_libres", "", 12.0, "free_places", 12.0),
        ("door_status", "", True, "door_open", 1.0),
        ("rssi", "", -110.0, "rssi", -110.0),
        ("object.air.temperature", "", 4.0, "temperature", 4.0),
    ],
)
def test_known_names_find_their_quantity_and_unit(
    channel: str, unit: str, value: float, expected: str, kept: float
) -> None:
    guess = quantity(channel, unit, value=value)
    assert guess is not None
    key, scale, offset = guess
    assert key == expected
    assert value * scale + offset == pytest.approx(kept, abs=1e-6)


@pytest.mark.parametrize(
    "channel",
    ["temperature_alarm", "history.0.temperature", "firmware_version", "foo", "", "serial_sn"],
)
def test_settings_alarms_and_strangers_are_left_alone(channel: str) -> None:
    assert quantity(channel, "", value=12.0) is None


def test_texts_and_structures_measure_nothing() -> None:
    assert quantity("temperature", "", value="hot") is None
    assert quantity("temperature", "", value={"a": 1}) is None


@given(
    channel=st.text(max_size=60),
    unit=st.text(max_size=8),
    value=st.none() | st.booleans() | st.floats() | st.text(max_size=5),
)
def test_any_name_unit_and_value_get_an_answer(channel: str, unit: str, value: Value) -> None:
    guess = quantity(channel, unit, value=value)
    assert guess is None or guess[0] in QUANTITIES


@given(unit=st.text(max_size=8), key=st.sampled_from(sorted(QUANTITIES)))
def test_conversions_always_exist(unit: str, key: str) -> None:
    scale, _ = conversion(unit, key)
    assert scale > 0


def test_a_quantity_in_its_own_unit_is_not_changed() -> None:
    for known in QUANTITIES.values():
        assert conversion(known.code, known.key) == (1.0, 0.0)


def test_objects_are_flattened_by_path() -> None:
    given_ = {"a": {"b": 1, "c": [2, {"d": True}]}, "e": "x", "f": None}
    assert flatten(given_) == [
        ("a.b", 1.0), ("a.c.0", 2.0), ("a.c.1.d", True), ("e", "x"), ("f", None),
    ]  # fmt: skip
    assert flatten(3) == [("value", 3.0)]
    assert len(flatten(list(range(10_000)))) == 512


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(value=_JSON)
def test_any_json_is_flattened(value: object) -> None:
    for channel, leaf in flatten(value):
        assert isinstance(channel, str)
        assert leaf is None or isinstance(leaf, (bool, float, str))
