"""Who must say when: sources whose instances others have too are asked again, with system times (clause 4.5.5.3)."""

from collections.abc import Iterator, Sequence

import msgspec

from clapas.context.door.http import Headers, Request
from clapas.context.federation.asking import Call, Reply
from clapas.context.federation.federation import Federation
from clapas.context.federation.merging import Part
from clapas.context.federation.questions import SYSTEM
from clapas.context.federation.shares import Share
from clapas.context.model import Entity, Instance, dataset_of

HERE = ""
Holding = tuple[tuple[str, str, str], str, Instance]
"""(entity, attribute, dataset id), the registration of who says it, and what."""


async def dated(
    federation: Federation,
    request: Request,
    *,
    calls: Sequence[tuple[Share, Call]],
    replies: Sequence[Reply],
    own: Sequence[Entity],
) -> tuple[list[Part], Headers]:
    """The parts in the replies, with the times by which the most recent of several instances is known.

    The second answers only date what the first ones said: who leaves something out of them, or says nothing,
    is taken as it answered first.
    """
    parts, warnings = await federation.parts(request, replies)
    asked = contested(own, parts)
    again = [
        (share, msgspec.structs.replace(call, params=(*call.params, SYSTEM)))
        for share, call in calls
        if share.id in asked and SYSTEM not in call.params
    ]
    if not again:
        return parts, warnings
    told, _ = await federation.parts(
        request, [each for each in await federation.ask(request, again) if each.ok]
    )
    known = {(each.share.id, each.entity.id): each for each in told}
    return [
        _with_times(each, known.get((each.share.id, each.entity.id))) for each in parts
    ], warnings


def _with_times(part: Part, told: Part | None) -> Part:
    """A part whose instances are those of the second answer, where that has them."""
    if told is None:
        return part
    later = {
        (name, dataset_of(each)): each
        for name, instances in told.entity.attributes.items()
        for each in instances
    }
    attributes = {
        name: [later.get((name, dataset_of(each)), each) for each in instances]
        for name, instances in part.entity.attributes.items()
    }
    entity = msgspec.structs.replace(
        part.entity,
        attributes=attributes,
        created=told.entity.created,
        modified=told.entity.modified,
    )
    return msgspec.structs.replace(part, entity=entity)


def contested(own: Sequence[Entity], parts: Sequence[Part]) -> set[str]:
    """The registrations of sources that say undated what others say too."""
    held: dict[tuple[str, str, str], list[tuple[str, Instance]]] = {}
    for key, who, instance in _holdings(own, parts):
        held.setdefault(key, []).append((who, instance))
    return {
        who
        for holders in held.values()
        if len(holders) > 1 and not all("observedAt" in instance for _, instance in holders)
        for who, instance in holders
        if who != HERE and not instance.get("modifiedAt")
    }


def _holdings(own: Sequence[Entity], parts: Sequence[Part]) -> Iterator[Holding]:
    """What competes: auxiliary sources never do, nor what is here with what a source alone holds."""
    rivals = [each for each in parts if each.share.mode != "auxiliary"]
    proxied: dict[str, set[str]] = {}
    for part in rivals:
        if part.share.proxied:
            held = proxied.setdefault(part.entity.id, set())
            held |= {name for entity in own for name in part.share.takes(entity.attributes)}
    for entity in own:
        gone = proxied.get(entity.id, set())
        for name, instances in entity.attributes.items():
            for each in instances if name not in gone else ():
                yield (entity.id, name, dataset_of(each)), HERE, each
    for part in rivals:
        for name, instances in part.entity.attributes.items():
            for each in instances:
                yield (part.entity.id, name, dataset_of(each)), part.share.id, each
