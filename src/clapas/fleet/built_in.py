"""The models that come with the platform: one for each codec of ours, kept when a device first names it."""

import functools
from collections.abc import Collection, Mapping

from clapas.codecs.device import codecs
from clapas.domain.device import CodecRef, Model
from clapas.store import Store

CAYENNE = "cayenne_lpp"


@functools.cache
def built_in() -> Mapping[str, Model]:
    """Every such model by id."""
    found = {
        each.name: Model(
            id=each.name,
            label=each.label,
            maker=each.maker,
            codec=CodecRef(kind="python", name=each.name, version=each.version),
        )
        for each in codecs().values()
    }
    codec = CodecRef(kind="cayenne", name="cayenne", version=1)
    return {**found, CAYENNE: Model(id=CAYENNE, label="Cayenne LPP", codec=codec)}


async def keep(store: Store, named: Collection[str]) -> None:
    """Save those of the named models that the registry lacks; other names are passed over."""
    wanted = {name for name in named if name in built_in()}
    if wanted:
        there = {each.id for each in await store.models.all()}
        await store.models.save([built_in()[name] for name in sorted(wanted - there)])
