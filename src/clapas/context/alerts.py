"""Alarms as entities: every alarm that is told is an ``Alert`` of Smart Data Models, for as long as it matters.

The store notes each change of an alarm in the transaction that makes it (``alarm_told``). Here the note
is taken in the transaction that writes the entity, its evolution and the events for subscribers: killed
at any moment, nothing is left out and nothing is told twice.

An ``Alert`` belongs to the dataset and the commune of what raised the alarm, so that the charter
answers for it as for the measures. Attributes: dataModel.Alert of smartdatamodels.org.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from clapas.context.broker import Broker
from clapas.context.core import VOCAB, core_terms
from clapas.context.editing import Editor, created, value_of
from clapas.context.model import NULL, Attributes, Entity, Instance
from clapas.context.reading import Draft
from clapas.context.writing import Taken, Write
from clapas.domain.errors import ClapasError
from clapas.domain.quantities import QUANTITIES
from clapas.domain.window import instant
from clapas.notify.sentences import told
from clapas.rules.life import state_of
from clapas.store.postgres import batch, listen
from clapas.store.rules_values import Alarm

log = logging.getLogger(__name__)
TYPE = VOCAB + "Alert"
TOGETHER = 200
"""Alarms that one transaction tells at most."""
PATIENCE_S = 5.0
LANGUAGE = "fr"
SEVERITIES = {
    "critical": "critical",
    "major": "high",
    "minor": "medium",
    "warning": "low",
    "indeterminate": "informational",
}
"""Of ITU-T X.733, which alarms have → of the public model."""
CATEGORIES = {
    **dict.fromkeys(("parking", "bikes", "counters", "mobility"), "traffic"),
    "school_air": "health",
}
"""What a trade's alarms are about, in the words of the model; the others are about the environment."""
SUBJECTS = {
    **dict.fromkeys(
        ("co", "no", "no2", "o3", "so2", "pm1", "pm25", "pm4", "pm10", "benzene", "tvoc"),
        "airPollution",
    ),
    **dict.fromkeys(
        ("ph", "turbidity", "free_chlorine", "dissolved_oxygen", "nitrate"), "waterPollution"
    ),
    "precipitation": "rainfall",
    "wind_speed": "wind",
    "wind_gust": "wind",
    "snow_height": "snow",
    "river_flow": "floodRisk",
}
"""Quantities whose alarms have a subcategory of the model; those of the others have none."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as it is now, with its place and the dataset that rights on it follow."""

    alarm: Alarm
    dataset: str
    location: dict[str, Any] | None


def iri(name: str) -> str:
    """The IRI of an attribute of an Alert: the core's own, else a word of the default vocabulary."""
    return core_terms("1.9").get(name, VOCAB + name)


def attributes(of: Told) -> Attributes:
    """The attributes of the Alert of an alarm."""
    alarm = of.alarm
    words: dict[str, str] = {
        "category": CATEGORIES.get(alarm.trade, "environment"),
        "severity": SEVERITIES[alarm.severity],
        "description": told(alarm, LANGUAGE),
    }
    if subject := SUBJECTS.get(str(alarm.because.get("quantity", ""))):
        words["subCategory"] = subject
    times = {"dateIssued": alarm.raised, "validFrom": alarm.first, "validTo": alarm.cleared}
    found: dict[str, Instance] = {key: _property(text) for key, text in words.items()}
    found |= {key: _time(at) for key, at in times.items() if at is not None}
    found["alertSource"] = {"type": "Relationship", "object": alarm.entity}
    found["data"] = _property(_data(alarm))
    if of.location is not None:
        found["location"] = {"type": "GeoProperty", "value": of.location}
    return {iri(key): [instance] for key, instance in found.items()}


def _data(alarm: Alarm) -> dict[str, Any]:
    """What the model has no word for."""
    quantity = QUANTITIES.get(str(alarm.because.get("quantity", "")))
    known = {
        "rule": alarm.rule,
        "state": state_of(alarm),
        "occurrences": alarm.count,
        "value": alarm.value,
        "quantity": quantity.ngsi if quantity else None,
        "unitCode": quantity.code if quantity else None,
        "commune": alarm.commune or None,
        "verdict": alarm.verdict or None,
    }
    return {key: value for key, value in known.items() if value is not None}


def _property(value: Any) -> Instance:
    return {"type": "Property", "value": value}


def _text(at: int) -> str:
    return instant(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(at: int) -> Instance:
    """A DateTime as clause 4.6.3 writes it."""
    return _property({"@type": "DateTime", "@value": _text(at)})


def edited(entity: Entity | None, of: Told, *, name: str, now: str, days: float) -> Editor | None:
    """The Alert as the alarm is now; None when there is nothing to tell.

    What is kept quiet has no Alert before it is told; a closed one leaves after ``days``.
    """
    alarm = of.alarm
    over = "" if alarm.closed is None else _text(alarm.closed + _ms(days))
    if entity is None:
        if alarm.masked or (over and over < now):
            return None
        draft = Draft(id=name, types=[TYPE], attributes=attributes(of), expires=over or None)
        return created(draft, now)
    editor = Editor(entity, now)
    if over != entity.expires:
        editor.head(Draft(expires=over or NULL))
    _overwrite(editor, attributes(of))
    return editor


def _ms(days: float) -> int:
    return timedelta(days=days) // timedelta(milliseconds=1)


def _overwrite(editor: Editor, wanted: Attributes) -> None:
    """Write what differs, and nothing else: a subscriber hears of changes alone."""
    held = editor.entity.attributes
    for key in (iri("validTo"), iri("location"), iri("subCategory")):
        if key in held and key not in wanted:
            editor.remove(key)
    for key, (instance,) in wanted.items():
        before = next((each for each in held.get(key, []) if "datasetId" not in each), None)
        if before is None or value_of(before) != value_of(instance):
            editor.put(key, instance)


class Alerts:
    """Tells alarms to the broker; one process at a time does, whichever comes first."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._awake = asyncio.Event()

    def name(self, alarm: int) -> str:
        """The id of an alarm's entity: no other broker gives the same."""
        return f"urn:ngsi-ld:Alert:{quote(self._broker.alias, safe='')}:{alarm}"

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(
                listen(
                    self._broker.store.dsn,
                    "clapas_alarms",
                    told=lambda _: self._awake.set(),
                    lost=self._awake.set,
                )
            )
            group.create_task(self._follow())

    async def _follow(self) -> None:
        while True:
            self._awake.clear()
            try:
                while await self.tell() == TOGETHER:
                    pass
            except (ClapasError, Taken) as error:
                log.warning("alarms wait to be told to the broker: %s", error)
            await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._awake.wait()
        except TimeoutError:
            return

    async def tell(self) -> int:
        """Tell what waits, one transaction at most; gives how many alarms that was."""
        async with self._broker.store.change("") as change:
            await change.run("alerts_alone")
            rows = await change.run("take_alarms", most=TOGETHER)
            waiting = {self.name(row[0]["id"]): _told(row) for row in rows}
            if not waiting:
                return 0
            write = Write(change)
            held = await write.take(list(waiting))
            editors = self._editors(waiting, held, now=write.now)
            await write.save(editors)
            await change.run("place", places=batch(_places(waiting, editors)))
        self._broker.on_write()
        return len(waiting)

    def _editors(
        self, waiting: Mapping[str, Told], held: Mapping[str, Entity], *, now: str
    ) -> list[Editor]:
        days = self._broker.settings.alert_days
        found = (
            edited(held.get(name), each, name=name, now=now, days=days)
            for name, each in waiting.items()
        )
        return [each for each in found if each is not None]


def _told(row: Sequence[Any]) -> Told:
    alarm = msgspec.convert(row[0], Alarm)
    return Told(alarm=alarm, dataset=row[1], location=row[2])


def _places(waiting: Mapping[str, Told], editors: Sequence[Editor]) -> list[dict[str, str]]:
    """Where the entities that were written belong."""
    names = [each.entity.id for each in editors]
    return [
        {"id": name, "dataset": waiting[name].dataset, "commune": waiting[name].alarm.commune}
        for name in names
    ]
