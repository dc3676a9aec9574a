"""What an NGSI-LD write measures: values with an ``observedAt``, which the platform's history, rules and ledger take.

The write puts them in the history's tail inside its own transaction; the pipeline moves them on.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from clapas.context.core import VOCAB
from clapas.context.editing import Editor
from clapas.context.model import Instance, moment
from clapas.domain.device import SeriesKey
from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import milliseconds

SOURCE = "ngsi_ld"
Measure = tuple[SeriesKey, int, float | str | bool]
"""Series, instant (ms), value."""


def short(iri: str) -> str:
    """An attribute as the platform names it: a word of the default vocabulary, else the IRI."""
    return iri.removeprefix(VOCAB)


def measures(editors: Iterable[Editor]) -> list[Measure]:
    """Every measured value that the editors wrote."""
    return [
        found
        for editor in editors
        for change in editor.changes
        if change.after is not None
        and "observedAt" in change.after
        and (found := _measure(editor.entity.id, change.attribute, instance=change.after))
        is not None
    ]


def _measure(entity: str, attribute: str, *, instance: Instance) -> Measure | None:
    value: Any = instance.get("value")
    if instance["type"] != "Property" or not isinstance(value, int | float | str):
        return None
    name = short(attribute)
    key = SeriesKey(
        entity=entity,
        attribute=name,
        quantity=_quantity(name, instance.get("unitCode", "")),
        dataset_id=instance.get("datasetId", ""),
    )
    return key, milliseconds(moment(instance["observedAt"])), value


@cache
def _names() -> dict[str, str]:
    found = {key: key for key in QUANTITIES}
    return {each.ngsi: key for key, each in QUANTITIES.items() if each.ngsi} | found


def _quantity(name: str, code: str) -> str:
    """The quantity that an attribute's name and unit mean, '' when they do not agree."""
    key = _names().get(name, "")
    return key if key and code in {"", QUANTITIES[key].code} else ""
