"""The demonstration territory: 31 communes, a lively simulated fleet, real messages through the real doors."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from clapas.domain.dataset import Dpia
from clapas.identity import Identity
from clapas.ops.feed import Progress, feed
from clapas.ops.recorded import RECORDED
from clapas.ops.simulate.fleet import Fleet, SimulatedDevice, make_fleet
from clapas.ops.simulate.play import PAST, play
from clapas.ops.simulate.register import register
from clapas.ops.simulate.senders import Doors
from clapas.ops.territory import Territory, from_epci
from clapas.sources.recordings import recordings_in, wire_messages
from clapas.store import Commune, Place, Store
from clapas.usecases.discovery import discover
from clapas.usecases.enrol import Stewards, enrol

SIREN = "243400017"
"""Montpellier Méditerranée Métropole."""
MARKER = "demonstration.json"
SAID = "demonstration.said"
WRITTEN_S = 30.0
BEHIND = timedelta(seconds=60)
"""What was sent last may not have been acknowledged when a process is killed: it is said again."""
KEY = "simulation"
STEWARD = "Démonstration"
NOBODY = Dpia(status="not_required", reference="données simulées : elles ne concernent personne")
AFTER_THE_PAST = ("water.night",)
"""Jobs that come back every quarter of an hour, and find nothing on a new platform's first turn."""
SETTLE_S = 20.0
"""What was just acknowledged is in history by then."""
RECORDS = {"indoor": "school-air", "parking": "parking", "bikes": "bikes", "counter": "counters"}
"""Kind of simulated thing → the record of the trade that looks after it."""


class Marker(msgspec.Struct, frozen=True):
    """Kept in the data directory as long as the demonstration is loaded."""

    began: datetime
    size: int
    recordings: str = ""
    """A folder that is still to be fed."""
    real_feeds: bool = False
    """The city's feeds were recorded: they are not simulated besides."""
    models: dict[str, str] = {}
    """The digest of each model as it was written: one that somebody changed since is left alone."""


class Said:
    """How far the simulated fleet has spoken, in a file: a restart says what is missing, not two days again."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / SAID
        self._written = 0.0

    def past(self, now: datetime) -> timedelta:
        """How far back a start must begin."""
        try:
            until = datetime.fromisoformat(self._path.read_text("utf-8"))
            return max(timedelta(0), min(PAST, now - until))
        except (OSError, ValueError, TypeError):
            return PAST

    def reached(self, moment: datetime) -> None:
        """Everything was said up to this moment; written now and then, a little behind."""
        if moment.timestamp() - self._written >= WRITTEN_S:
            self._path.write_text((moment - BEHIND).isoformat(), "utf-8")
            self._written = moment.timestamp()


def marker(directory: Path) -> Marker | None:
    """The marker of a data directory, None when nothing there is simulated."""
    try:
        return msgspec.json.decode((directory / MARKER).read_bytes(), type=Marker)
    except (OSError, msgspec.DecodeError):
        return None


def mark(
    directory: Path, *, size: int, recordings: str = "", models: dict[str, str] | None = None
) -> Marker:
    """Say that this data directory holds the demonstration; an earlier beginning is kept."""
    kept = marker(directory)
    made = Marker(
        began=kept.began if kept else datetime.now(UTC),
        size=size,
        recordings=recordings,
        real_feeds=bool(recordings) or (kept is not None and kept.real_feeds),
        models=models if models is not None else (kept.models if kept else {}),
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARKER).write_bytes(msgspec.json.encode(made))
    return made


async def save_territory(
    store: Store, territory: Territory, *, timezone: str = "Europe/Paris"
) -> None:
    """Keep a territory's communes, contours and town halls."""
    await store.territory.save(
        Place(name=territory.name, siren=territory.siren, timezone=timezone),
        [
            Commune(
                code=each.code,
                name=each.name,
                population=each.population,
                contour=each.geometry,
                longitude=each.hall[0] if each.hall else None,
                latitude=each.hall[1] if each.hall else None,
            )
            for each in territory.communes
        ],
    )


def demonstrated(fleet: Fleet, *, real_feeds: bool) -> Fleet:
    """The fleet with its rooms in the schools' record, and without the feeds that were really recorded."""
    kept = (each for each in fleet.devices if not (real_feeds and each.what.door == "ngsi_v2"))
    return msgspec.structs.replace(fleet, devices=tuple(map(_recorded_at, kept)))


def _recorded_at(device: SimulatedDevice) -> SimulatedDevice:
    record = RECORDS.get(device.kind, "")
    return msgspec.structs.replace(
        device, entity=msgspec.structs.replace(device.entity, dataset=record)
    )


async def put_trades_in_force(store: Store, directory: Path, *, controller: str) -> None:
    """Every trade at hand: its record, its rules, its points of measure."""
    packs = await asyncio.to_thread(discover, directory)
    who = Stewards(steward=STEWARD, controller=controller, dpia=NOBODY)
    for pack in packs.values():
        await enrol(store, pack, who=who, rivals=packs.values())


async def remove(store: Store, directory: Path) -> dict[str, int]:
    """Take the demonstration away: its devices, entities and series; counts by table."""
    counts = await store.entities.remove_simulated()
    for name in (MARKER, SAID):
        (directory / name).unlink(missing_ok=True)
    return counts


async def service_key(identity: Identity) -> str:
    """A key for the simulation's messages; the one of the last start works no more."""
    account = (await identity.accounts.list(limit=1))[0]
    for row in await identity.keys.list(limit=200):
        if row.name == KEY:
            await identity.keys.revoke(row.id)
    scopes = ["publish", *(f"topic:{each}" for each in ("up/#", "application/#", "v3/#"))]
    key = await identity.keys.create(
        name=KEY,
        owner=UUID(str(account.id)),
        scopes=scopes,
        expires=datetime.now(UTC) + timedelta(days=30),
    )
    return key.secret


async def run(
    store: Store,
    identity: Identity,
    *,
    directory: Path,
    doors: Callable[[str], Doors],
    tell: Callable[[str], None],
) -> None:
    """Load the territory and its fleet, feed the recordings, then play until cancelled."""
    chosen = marker(directory) or mark(directory, size=600)
    territory = await asyncio.to_thread(from_epci, SIREN)
    tell("territory")
    await save_territory(store, territory)
    await put_trades_in_force(store, directory, controller=territory.name)
    fleet = await asyncio.to_thread(
        lambda: make_fleet(territory, size=chosen.size, now=chosen.began)
    )
    fleet = demonstrated(fleet, real_feeds=chosen.real_feeds)
    written = await register(store, fleet, created=chosen.began, written=chosen.models)
    mark(directory, size=chosen.size, recordings=chosen.recordings, models=written)
    tell("fleet")
    entrance = doors(await service_key(identity))
    async with asyncio.TaskGroup() as group:
        if chosen.recordings:
            group.create_task(
                _recordings_once(store, directory, chosen=chosen, doors=entrance, tell=tell)
            )
        stop = asyncio.Event()
        try:
            said, caught_up = Said(directory), asyncio.Event()
            group.create_task(calculate(store, caught_up))

            def reached(moment: datetime) -> None:
                said.reached(moment)
                caught_up.set()

            await play(
                fleet,
                entrance,
                past=said.past(datetime.now(UTC)),
                until=stop,
                tell=lambda done: tell(_line(done)),
                reached=reached,
            )
        finally:
            stop.set()


async def calculate(store: Store, caught_up: asyncio.Event, *, settle_s: float = SETTLE_S) -> None:
    """Once the past is said and kept, calculate what a page would otherwise lack until the next turn."""
    await caught_up.wait()
    await asyncio.sleep(settle_s)
    for kind in AFTER_THE_PAST:
        await store.jobs.add(kind, {}, actor="system")


def _line(done: Progress) -> str:
    return f"{done.sent} messages sent, {done.accepted} accepted"


def _telling(name: str, tell: Callable[[str], None]) -> Callable[[Progress], None]:
    """Tells how far one recording is."""

    def told(done: Progress) -> None:
        tell(f"{name}: {_line(done)}")

    return told


async def feed_recordings(
    store: Store, folder: Path, *, doors: Doors, tell: Callable[[str], None]
) -> dict[str, tuple[int, int]]:
    """Send every recording that a connector can take through its real door; (sent, accepted) by file."""
    done: dict[str, tuple[int, int]] = {}
    await register_recorded(store)
    for recording in recordings_in(folder):
        count = await feed(
            wire_messages(recording.path, recording.source, options=recording.options),
            doors,
            speed=0,
            tell=_telling(recording.name, tell),
        )
        done[recording.name] = (count.sent, count.accepted)
    return done


async def _recordings_once(
    store: Store, directory: Path, *, chosen: Marker, doors: Doors, tell: Callable[[str], None]
) -> None:
    """Feed them, and remember that it was done: a restart does not say them again."""
    await feed_recordings(store, Path(chosen.recordings), doors=doors, tell=tell)
    mark(directory, size=chosen.size)


async def register_recorded(store: Store) -> None:
    """Put the devices that the known recordings speak of in the registry, with their codecs."""
    now = datetime.now(UTC)
    await store.models.save(list({each.model.id: each.model for each in RECORDED}.values()))
    await store.registry.save_devices([each.device(now) for each in RECORDED], simulated=True)
    await store.entities.upsert(
        [msgspec.structs.replace(each.entity, simulated=True) for each in RECORDED]
    )
    for each in RECORDED:
        await store.registry.bind(each.key, each.bindings)
