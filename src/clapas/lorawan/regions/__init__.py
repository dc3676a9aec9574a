"""The regions, found by name: one module each, ``REGION`` in it."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from clapas.lorawan.errors import UnknownRegion
from clapas.lorawan.regions.plan import Region


@cache
def regions() -> dict[str, Region]:
    """Every region by its name ('EU868'…), from the modules of this folder."""
    found = {}
    for module in iter_modules(__path__):
        region = getattr(import_module(f"{__name__}.{module.name}"), "REGION", None)
        if isinstance(region, Region):
            found[region.name] = region
    return found


def region(name: str) -> Region:
    """The region of that name; raises :class:`UnknownRegion` with the accepted ones."""
    try:
        return regions()[name]
    except KeyError:
        raise UnknownRegion(
            f"unknown region {name!r}", value=name, accepted=sorted(regions())
        ) from None
