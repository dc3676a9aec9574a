"""How entities are written: one transaction keeps the entity, its evolution and the events for subscribers.

Single writes that arrive together share a transaction: while one commits, the next ones gather. Each is
applied to its own copy and refused alone, so that sharing changes nothing but the speed.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from clapas.context.editing import Editor
from clapas.context.errors import Clash, NgsiError
from clapas.context.measures import SOURCE, measures
from clapas.context.model import MEMBER, SCOPE, Entity, moment, now_text, null_of
from clapas.store.context import Change, ContextStore, Deed
from clapas.store.series import SeriesStore

Act = Callable[[Entity | None, str], Editor]
"""What to do with an entity (None: there is none) at an instant; raises NgsiError to refuse."""
TOGETHER = 100
ATTEMPTS = 5


def document(entity: Entity) -> dict[str, Any]:
    """An entity as the store keeps it, its times included."""
    found = entity.document()
    found["@created"], found["@modified"] = entity.created, entity.modified
    if entity.expires:
        found["@expires"] = entity.expires
    return found


def entity_of(doc: dict[str, Any]) -> Entity:
    """An entity from what the store keeps."""
    return Entity.of(
        doc,
        created=doc.get("@created", ""),
        modified=doc.get("@modified", ""),
        expires=doc.get("@expires", ""),
        deleted=doc.get("@deleted", ""),
    )


def is_over(entity: Entity, now: str) -> bool:
    """Whether a transient entity's time has come (clause 4.22)."""
    return bool(entity.expires) and moment(entity.expires) <= moment(now)


class Taken(Exception):
    """An entity was created by somebody else in between: the write begins anew."""


class Write:
    """The entities of one transaction: held, edited, saved."""

    def __init__(self, change: Change, series: SeriesStore | None = None) -> None:
        self._change = change
        self._series = series
        self._watched = False
        self.over: dict[str, Entity] = {}
        """What has expired among the entities taken: it is no more, but not removed yet."""
        self.now = now_text()

    async def take(self, ids: Sequence[str]) -> dict[str, Entity]:
        """Those that exist and have not expired, held until the end."""
        docs, self._watched = await self._change.hold(ids)
        found = {key: entity_of(doc) for key, doc in docs.items()}
        self.over = {key: entity for key, entity in found.items() if is_over(entity, self.now)}
        return {key: entity for key, entity in found.items() if key not in self.over}

    async def save(self, editors: Sequence[Editor]) -> None:
        """Keep what the editors did. Raises Taken."""
        deed = Deed()
        changed: dict[str, dict[str, Any]] = {}
        fresh: dict[str, dict[str, Any]] = {}
        for editor in editors:
            if not editor.changed:
                continue
            editor.entity.modified = editor.now
            doc = document(editor.entity)
            name = editor.entity.id
            if editor.what == "deleted":
                doc["@deleted"] = editor.now
                changed.pop(name, None)
                fresh.pop(name, None)
                deed.gone.append(name)
            elif (editor.what == "created" or name in fresh) and name not in self.over:
                fresh[name] = doc
            else:
                changed[name] = doc
            self._note(deed, editor, doc=doc)
        deed.fresh, deed.changed = list(fresh.values()), list(changed.values())
        if (deed.fresh or deed.changed or deed.gone) and not await self._change.write(deed):
            raise Taken
        found = measures(editors) if self._series is not None else []
        if found and self._series is not None:
            known = await self._series.ensure({key for key, _, _ in found})
            rows = [(known[key].id, at, value) for key, at, value in found]
            await self._change.measure(rows, source=SOURCE)

    def _note(self, deed: Deed, editor: Editor, *, doc: dict[str, Any]) -> None:
        head = {key: value for key, value in doc.items() if key[0] == "@"}
        if editor.touched or editor.what != "updated":
            deed.heads = [each for each in deed.heads if each["@id"] != head["@id"]]
            deed.heads.append(head)
        else:
            deed.known.append(head)
        deed.rows += [
            evolution_row(doc["@id"], change.attribute, instance=change.after, deleted="")
            if change.after
            else evolution_row(
                doc["@id"], change.attribute, instance=change.before or {}, deleted=editor.now
            )
            for change in (*editor.changes, *editor.scoped)
        ]
        if self._watched:
            deed.events.append(
                {
                    "entity": doc["@id"],
                    "what": editor.what,
                    "doc": doc,
                    "changes": msgspec.to_builtins(editor.changes),
                }
            )


def evolution_row(
    entity: str, attribute: str, *, instance: dict[str, Any], deleted: str
) -> dict[str, Any]:
    """One row of the evolution; an instance that was deleted keeps its type and loses its value.

    A scope that was deleted is an empty one, as a scope is a list of names (clause 4.18).
    """
    doc = instance
    if deleted:
        doc = {key: instance[key] for key in ("type", "datasetId") if key in instance}
        doc |= {MEMBER[doc["type"]]: [] if attribute == SCOPE else null_of(doc["type"])}
        doc |= {"createdAt": deleted, "modifiedAt": deleted}
        doc["deletedAt"] = deleted
    return {
        "entity": entity,
        "attribute": attribute,
        "dataset": instance.get("datasetId", ""),
        "doc": doc,
    }


class _Wish(msgspec.Struct, kw_only=True):
    """One single write that waits for its transaction."""

    name: str
    act: Act
    done: asyncio.Future[Editor]


class Writer:
    """Gathers the single writes of a tenant into transactions."""

    def __init__(self, store: ContextStore, series: SeriesStore | None = None) -> None:
        self._store = store
        self._series = series
        self._waiting: dict[str, list[_Wish]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def edit(self, tenant: str, name: str, *, act: Act) -> Editor:
        """Apply one write; back when it is committed. Raises what ``act`` raises."""
        wish = _Wish(name=name, act=act, done=asyncio.get_running_loop().create_future())
        self._waiting.setdefault(tenant, []).append(wish)
        if tenant not in self._running:
            self._running[tenant] = asyncio.create_task(self._run(tenant))
        return await wish.done

    async def _run(self, tenant: str) -> None:
        try:
            while wishes := self._waiting.get(tenant):
                self._waiting[tenant] = wishes[TOGETHER:]
                await self._together(tenant, wishes[:TOGETHER])
        finally:
            del self._running[tenant]
            for wish in self._waiting.pop(tenant, []):
                wish.done.cancel()

    async def _together(self, tenant: str, wishes: list[_Wish]) -> None:
        """One transaction for all; when the database refuses it, one for each, so that one bad
        document refuses itself only."""
        try:
            await self._commit(tenant, wishes)
        except Exception as error:  # noqa: BLE001 - every one of them reaches the request it belongs to
            if len(wishes) == 1:
                _refuse(wishes[0], error)
                return
            for wish in wishes:
                await self._together(tenant, [wish])

    async def _commit(self, tenant: str, wishes: list[_Wish]) -> None:
        for _ in range(ATTEMPTS):
            try:
                async with self._store.change(tenant) as change:
                    write = Write(change, None if tenant else self._series)
                    held = await write.take([wish.name for wish in wishes])
                    outcome = [_applied(wish, held) for wish in wishes]
                    await write.save([each for each in outcome if isinstance(each, Editor)])
            except Taken:
                continue
            for wish, each in zip(wishes, outcome, strict=True):
                if isinstance(each, Editor):
                    if not wish.done.done():
                        wish.done.set_result(each)
                else:
                    _refuse(wish, each)
            return
        raise Clash("the entity is being created by others")


def _refuse(wish: _Wish, error: Exception) -> None:
    if not wish.done.done():
        wish.done.set_exception(error)


def _applied(wish: _Wish, held: dict[str, Entity]) -> Editor | NgsiError:
    """The wish applied to a copy, which takes the entity's place for the wishes after it."""
    entity = held.get(wish.name)
    try:
        editor = wish.act(copied(entity) if entity is not None else None, now_text())
    except NgsiError as error:
        return error
    if editor.what == "deleted":
        held.pop(wish.name, None)
    else:
        held[wish.name] = editor.entity
    return editor


def copied(entity: Entity) -> Entity:
    """A copy that can be edited: instances are replaced by editors, never changed."""
    attributes = {iri: list(instances) for iri, instances in entity.attributes.items()}
    return msgspec.structs.replace(entity, attributes=attributes)
