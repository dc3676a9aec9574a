"""The map gathered on the server: how many, where, and the worst state of each mark."""

from datetime import UTC, datetime, timedelta
from functools import partial

from clapas.domain.access import RowFilter
from clapas.domain.device import Entity, SeriesKey
from clapas.domain.window import milliseconds
from clapas.store import StateRow, Store
from clapas.store.map import cell

ALL = RowFilter(everything=True)
NOW = datetime.now(UTC)
HEARD = {"a": 0, "b": 0, "c": 5, "d": 40, "e": 0}
"""Hours since each thing was measured."""


async def five_things(store: Store) -> None:
    """Four in one street, one far away; b has an alarm."""
    entities = [
        Entity(id=f"urn:ngsi-ld:Thing:{name}", type="Thing", longitude=3.88 + 1e-4 * at, latitude=43.61)
        for at, name in enumerate("abcd")
    ]  # fmt: skip
    far = Entity(id="urn:ngsi-ld:Other:e", type="Other", longitude=3.99, latitude=43.69)
    await store.entities.upsert([*entities, far])
    keys = {name: SeriesKey(f"urn:ngsi-ld:Thing:{name}", "level", "") for name in "abcd"}
    keys["e"] = SeriesKey(far.id, "level", "")
    series = await store.series.ensure(list(keys.values()))
    rows = []
    for name, key in keys.items():
        at = milliseconds(NOW - timedelta(hours=HEARD[name]))
        rows.append(StateRow(series[key].id, key.entity, "level", 1.0, at, at))
    await store.state.upsert(rows)
    await store.postgres.run(
        "INSERT INTO alarm (rule, entity, severity, active, first, last, raised)"
        " VALUES ('r', 'urn:ngsi-ld:Thing:b', 'major', true, 0, 0, 0)"
    )


async def test_a_mark_tells_how_many_and_the_worst(store: Store) -> None:
    await five_things(store)
    gathered = partial(store.map.clusters, ALL, late=timedelta(hours=3), silent=timedelta(hours=24))
    whole = await gathered(zoom=10)
    marks = sorted(zip(whole.counts, whole.worst, whole.ids, strict=True))
    assert marks == [(1, "ok", "urn:ngsi-ld:Other:e"), (4, "alarm", "")]
    assert whole.states == {"ok": 2, "silent": 1, "late": 1, "alarm": 1}
    street = (3.87, 43.60, 3.89, 43.62)
    close = await gathered(zoom=20, bbox=street)
    assert sorted(close.worst) == ["alarm", "late", "ok", "silent"]
    assert (await gathered(zoom=10, type="Other")).ids == ["urn:ngsi-ld:Other:e"]
    assert (await gathered(zoom=10, state="late")).ids == ["urn:ngsi-ld:Thing:c"]
    assert (await gathered(zoom=10, commune="34172")).states["alarm"] == 1
    nobody = await store.map.clusters(
        RowFilter(), zoom=10, late=timedelta(hours=3), silent=timedelta(hours=24)
    )
    assert nobody.counts == []


def test_a_cell_halves_with_each_zoom_and_is_square_on_the_screen() -> None:
    wide, tall = cell(10, 43.6)
    assert cell(11, 43.6)[0] == wide / 2
    assert tall < wide, "a degree of latitude is longer on the map"
