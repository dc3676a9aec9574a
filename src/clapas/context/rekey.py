"""Data kept under an old IRI, brought to the one that the operator set for it (``context.aliases``)."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from clapas.context.broker import Broker
from clapas.context.vocabulary import followed
from clapas.domain.errors import ClapasError
from clapas.store.context import as_json

log = logging.getLogger(__name__)
DONE = "aliases"
"""Under which the broker remembers the table that its data follow."""
PAGE = 500
Names = Mapping[str, str]
Document = dict[str, Any]


class Part(NamedTuple):
    """A table of documents: the query of a page, the one that writes it, what becomes of a document."""

    old: str
    rename: str
    renamed: Callable[[Document, Names], Document]


async def rekey(broker: Broker) -> None:
    """Bring what is kept to the names of the operator's table, once for each table; pages are transactions.

    An attribute that is there under both names keeps the instances of the new one, and gets those of
    the old one whose datasetId it does not have.
    """
    names = followed(broker.settings.aliases)
    if not names:
        return
    table = hashlib.sha256(orjson.dumps(names, option=orjson.OPT_SORT_KEYS)).hexdigest()
    try:
        if await broker.store.kept(DONE, "") == table:
            return
        count = await _instances(broker, names)
        for part in PARTS:
            count += await _documents(broker, names, part=part)
        await broker.store.run("remember", name=DONE, value=table)
    except ClapasError as error:
        log.warning("data under old names wait for the next start: %s", error)
        return
    broker.on_subscriptions()
    log.info("brought to the names of context.aliases: %s rows", count)


def quoted(names: Names) -> list[str]:
    """The old names as they stand in a document."""
    return [orjson.dumps(each).decode() for each in names]


async def _instances(broker: Broker, names: Names) -> int:
    count, last = 0, 0
    while True:
        async with broker.store.change("") as change:
            rows = await change.run(
                "old_instances", old=list(names), names=quoted(names), after=last, limit=PAGE
            )
            renamed = [
                {
                    "seq": seq,
                    "attribute": names.get(attribute, attribute),
                    "doc": instance(doc, names),
                }
                for seq, attribute, doc in rows
            ]
            await change.run("rename_instances", rows=as_json(renamed))
        if not rows:
            return count
        count += len(rows)
        last = rows[-1][0]


async def _documents(broker: Broker, names: Names, *, part: Part) -> int:
    """The documents of a table under the new names."""
    count, tenant, name = 0, "", ""
    while True:
        async with broker.store.change("") as change:
            rows = await change.run(
                part.old, names=quoted(names), after=tenant, id=name, limit=PAGE
            )
            renamed = [
                {"tenant": tenant, "id": name, "doc": part.renamed(doc, names)}
                for tenant, name, doc in rows
            ]
            await change.run(part.rename, rows=as_json(renamed))
        if not rows:
            return count
        count += len(rows)
        tenant, name = rows[-1][:2]


def entity(doc: Document, names: Names) -> Document:
    """An entity's document under the new names."""
    found = {key: value for key, value in doc.items() if key not in names}
    if "@type" in found:
        found["@type"] = list(dict.fromkeys(names.get(each, each) for each in doc["@type"]))
    for old in (key for key in doc if key in names):
        mine = found.setdefault(names[old], [])
        there = {each.get("datasetId", "") for each in mine}
        found[names[old]] = [
            *mine,
            *(each for each in doc[old] if each.get("datasetId", "") not in there),
        ]
    return {
        key: [instance(each, names) for each in value] if key[:1] != "@" else value
        for key, value in found.items()
    }


def instance(doc: Document, names: Names) -> Document:
    """An instance of an attribute: its sub-attributes, and what is named by IRI, under the new names."""
    found: Document = {}
    for key, value in doc.items():
        if key in {"vocab", "objectType"}:
            found[key] = everywhere(value, names)
        elif ":" in key and isinstance(value, list):
            found[names.get(key, key)] = [
                instance(each, names) if isinstance(each, dict) else each for each in value
            ]
        else:
            found[key] = value
    return found


def everywhere(value: Any, names: Names) -> Any:
    """A value in which every string that is an old name is the new one."""
    if isinstance(value, dict):
        return {key: everywhere(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


PARTS = (
    Part("old_entities", "rename_entities", entity),
    Part("old_evolutions", "rename_evolutions", everywhere),
    Part("old_registrations", "rename_registrations", everywhere),
)
"""In an evolution's head and in a registration a name stands for nothing else: it is replaced everywhere."""
