"""Coordinates as people type them."""

from hypothesis import given
from hypothesis import strategies as st

from clapas.fleet.places import place_of

BOX = (3.5, 43.4, 4.3, 43.9)


@given(st.floats(3.5, 4.3), st.floats(43.4, 43.9))
def test_a_place_of_the_territory_is_understood_in_either_order(x: float, y: float) -> None:
    assert (place_of(x, y, box=BOX).longitude, place_of(x, y, box=BOX).found) == (x, "")
    swapped = place_of(y, x, box=BOX)
    assert (swapped.longitude, swapped.latitude, swapped.found) == (x, y, "swapped")


def test_lambert_93_of_the_place_de_la_comedie() -> None:
    place = place_of(770_900.0, 6_279_600.0, box=BOX)
    assert place.found == "lambert93"
    assert (round(place.longitude, 2), round(place.latitude, 2)) == (3.88, 43.61)


def test_what_is_nowhere_is_said() -> None:
    assert place_of(2.35, 48.85, box=BOX).found == "outside"
    assert place_of(200.0, 95.0, box=BOX).found == "impossible"
