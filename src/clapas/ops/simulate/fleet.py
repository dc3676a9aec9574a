"""A simulated fleet for a territory: the same for the same territory, seed and size."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import shapely
from shapely.geometry import Point

from clapas.domain.device import Binding, Entity, Model
from clapas.domain.errors import InvalidInput
from clapas.ops.simulate.kinds import BY_NAME, KINDS, Kind
from clapas.ops.territory import Commune, Territory

EUI_PREFIX = 0x70B3D57ED1000000
"""Our simulated EUIs; the prefix is one that makers share, the block is not attributed to a device."""
GATEWAYS = 40


class SimulatedDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One device with its site: ``key`` is its external id, ``traits`` make its values its own."""

    key: str
    name: str
    kind: str
    seed: int
    commune: str
    longitude: float
    latitude: float
    entity: Entity
    bindings: tuple[Binding, ...]
    traits: dict[str, float]
    gateways: tuple[str, ...] = ()

    @property
    def what(self) -> Kind:
        """Its kind: interval, door, model, signal."""
        return BY_NAME[self.kind]

    @property
    def registered(self) -> bool:
        """True when the registry must know it before; a feed describes its things by itself."""
        return self.what.door != "ngsi_v2"


class SimulatedGateway(msgspec.Struct, frozen=True):
    """A gateway on a town hall's roof."""

    id: str
    name: str
    longitude: float
    latitude: float


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the demonstration registers and sends."""

    territory: str
    devices: tuple[SimulatedDevice, ...]
    gateways: tuple[SimulatedGateway, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """The models to register."""
        used = {each.kind for each in self.devices}
        return tuple(each.model for each in KINDS if each.model and each.name in used)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The points of measure to register, marked as simulated."""
        return tuple(each.entity for each in self.devices)


def make_fleet(
    territory: Territory, *, size: int = 600, seed: int = 1, now: datetime | None = None
) -> Fleet:
    """Devices spread over the communes as their inhabitants are, sites inside their contours.

    Leaks began in the day or two before ``now`` (its day): give the day of the first start again to
    have the same fleet again. All else is a function of time alone.
    """
    if not territory.communes or not 1 <= size <= 200_000:
        raise InvalidInput("a fleet has 1 to 200 000 devices, a territory one commune", size=size)
    moment = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    rng = random.Random(f"{territory.siren}/{territory.name}/{seed}")
    gateways = _gateways(territory, rng)
    sites = _sites(territory, rng)
    devices: list[SimulatedDevice] = []
    for kind in KINDS:
        for number in range(max(1, round(size * kind.share))):
            place = _Place(number + 1, len(devices) + 1, *next(sites))
            devices.append(_device(kind, place, gateways=gateways, rng=rng, now=moment.timestamp()))
    return Fleet(territory=territory.name, devices=tuple(devices), gateways=gateways)


class _Place(msgspec.Struct, frozen=True):
    number: int
    order: int
    commune: Commune
    longitude: float
    latitude: float


def _sites(territory: Territory, rng: random.Random) -> Iterator[tuple[Commune, float, float]]:
    """Places without end, inside communes drawn by their inhabitants."""
    communes = territory.communes
    weights = [each.population or 1 for each in communes]
    contours = {each.code: each.contour for each in communes}
    for contour in contours.values():
        shapely.prepare(contour)
    while True:
        (commune,) = rng.choices(communes, weights)
        contour = contours[commune.code]
        west, south, east, north = contour.bounds
        for _ in range(200):
            longitude, latitude = rng.uniform(west, east), rng.uniform(south, north)
            if contour.contains(Point(longitude, latitude)):
                yield commune, round(longitude, 6), round(latitude, 6)
                break
        else:
            inside = contour.representative_point()
            yield commune, round(inside.x, 6), round(inside.y, 6)


def _gateways(territory: Territory, rng: random.Random) -> tuple[SimulatedGateway, ...]:
    found = []
    for commune in territory.communes[:GATEWAYS]:
        inside = commune.contour.representative_point()
        longitude, latitude = commune.hall or (round(inside.x, 6), round(inside.y, 6))
        name = f"Mairie de {commune.name}"
        found.append(SimulatedGateway(f"{rng.getrandbits(64):016x}", name, longitude, latitude))
    return tuple(found)


def _device(
    kind: Kind,
    place: _Place,
    *,
    gateways: Sequence[SimulatedGateway],
    rng: random.Random,
    now: float,
) -> SimulatedDevice:
    local = f"sim-{kind.name.replace('_', '-')}-{place.number:05}"
    key = local
    if kind.door == "chirpstack_v4":
        key = f"{EUI_PREFIX + place.order:016x}"
    elif kind.door == "ngsi_v2":
        key = f"urn:ngsi-ld:{kind.feed}:{local}"
    entity = Entity(
        id=f"urn:ngsi-ld:{kind.type}:{local}",
        type=kind.type,
        name=f"{kind.prefix} {place.number} – {place.commune.name}",
        longitude=place.longitude,
        latitude=place.latitude,
        commune=place.commune.code,
        simulated=True,
    )
    bindings = tuple(
        Binding(
            channel=each.name,
            entity=entity.id,
            attribute=each.attribute,
            quantity=each.quantity,
            scale=each.scale,
            offset=each.offset,
        )
        for each in kind.channels
    )
    return SimulatedDevice(
        key=key,
        name=entity.name,
        kind=kind.name,
        seed=rng.getrandbits(40),
        commune=place.commune.code,
        longitude=place.longitude,
        latitude=place.latitude,
        entity=entity,
        bindings=bindings,
        traits=kind.traits(rng, now),
        gateways=_nearest(place, gateways) if kind.door == "chirpstack_v4" else (),
    )


def _nearest(place: _Place, gateways: Sequence[SimulatedGateway]) -> tuple[str, ...]:
    """The three gateways that hear it."""

    def distance(each: SimulatedGateway) -> float:
        return (each.longitude - place.longitude) ** 2 + (each.latitude - place.latitude) ** 2

    return tuple(each.id for each in sorted(gateways, key=distance)[:3])
