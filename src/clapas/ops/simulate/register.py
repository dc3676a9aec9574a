"""A simulated fleet as the values that the registry keeps."""

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from clapas.domain.device import Device, Gateway
from clapas.ops.simulate.fleet import Fleet

TAG = {"simulated": "true"}


def devices_of(fleet: Fleet, *, created: datetime) -> tuple[Device, ...]:
    """The devices to register: those that no feed describes. Their ids are the same every time."""
    return tuple(
        Device(
            id=uuid5(NAMESPACE_URL, f"clapas:simulated:{each.key}"),
            key=each.key,
            source=each.what.door,
            model=each.what.model.id if each.what.model else "",
            name=each.name,
            lifecycle="active",
            longitude=each.longitude,
            latitude=each.latitude,
            commune=each.commune,
            tags=TAG,
            created=created,
        )
        for each in fleet.devices
        if each.registered
    )


def gateways_of(fleet: Fleet) -> tuple[Gateway, ...]:
    """The gateways to register."""
    return tuple(
        Gateway(id=each.id, name=each.name, longitude=each.longitude, latitude=each.latitude)
        for each in fleet.gateways
    )
