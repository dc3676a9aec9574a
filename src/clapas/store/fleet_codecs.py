"""The codec bench: saved examples, trials of a new version on a few devices, roll-out and roll-back.

A trial is the model under a second name with the new codec version, given to a few devices; every value
keeps the version that made it. Rolled out, the model itself takes the version and the devices come home.
"""

from datetime import datetime
from typing import Any

import msgspec

from clapas.domain.device import CodecRef, Model
from clapas.domain.errors import Conflict, NotFound
from clapas.store.clickhouse import ClickHouse
from clapas.store.postgres import Postgres
from clapas.store.sql import queries

SQL = queries("fleet_codecs")


class Vector(msgspec.Struct, frozen=True, kw_only=True):
    """A saved example: bytes on a port, and the values expected, by channel."""

    id: int = 0
    label: str = ""
    f_port: int | None = None
    payload: bytes
    expected: dict[str, Any]


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """A new codec version on its way; state 'trial', 'everywhere' or 'rolled_back'."""

    id: int
    model: str
    trial: str
    version: int
    before: int
    state: str
    devices: int
    actor: str
    created: datetime
    ended: datetime | None
    old: dict[str, Any]
    new: dict[str, Any]


class Rollouts:
    """Codec versions and where they are used."""

    def __init__(self, postgres: Postgres, clickhouse: ClickHouse) -> None:
        self._postgres = postgres
        self._clickhouse = clickhouse

    async def vectors(self, model: str) -> list[Vector]:
        """The saved examples of a model."""
        rows = await self._postgres.rows(SQL["vectors"], model=model)
        return [
            Vector(id=r[0], label=r[1], f_port=r[2], payload=bytes(r[3]), expected=r[4])
            for r in rows
        ]

    async def add_vector(self, model: str, vector: Vector) -> int:
        """Save an example; its number."""
        row = await self._postgres.row(
            SQL["add_vector"],
            model=model,
            label=vector.label,
            f_port=vector.f_port,
            payload=vector.payload,
            expected=msgspec.json.encode(vector.expected).decode(),
        )
        return int(row[0]) if row else 0

    async def remove_vector(self, model: str, vector: int) -> None:
        """Forget an example. Raises NotFound."""
        if not await self._postgres.run(SQL["remove_vector"], id=vector, model=model):
            raise NotFound(vector=vector)

    async def last_uplinks(self, model: str, limit: int) -> list[tuple[int, int]]:
        """(log, sequence) of the last frames of a model and of its trial, the newest first."""
        table = await self._clickhouse.read(
            SQL["last_uplinks"], {"model": model, "trial": trial_name(model), "limit": limit}
        )
        return [(row["log"], row["sequence"]) for row in table.to_pylist()]

    async def start(self, model: Model, codec: CodecRef, *, devices: int, actor: str) -> Rollout:
        """Try a codec on so many devices (0: everywhere at once). Raises Conflict when a trial runs."""
        running = [each for each in await self.rollouts(model.id) if each.state == "trial"]
        if running:
            raise Conflict("a version is being tried already", rollout=running[0].id)
        trial = trial_name(model.id)
        values = {**_codec(codec), "model": model.id, "trial": trial}
        async with self._postgres.transaction() as connection:
            count = 0
            if devices:
                await connection.execute(SQL["copy_model"], values)
                chosen = await connection.execute(
                    SQL["some_devices"], {"model": model.id, "limit": devices}
                )
                keys = [row[0] for row in await chosen.fetchall()]
                moving = {"from": model.id, "to": trial, "all": False, "keys": keys}
                count = (await connection.execute(SQL["move_devices"], moving)).rowcount
            else:
                await connection.execute(SQL["set_codec"], values)
            added = await connection.execute(
                SQL["add_rollout"],
                {
                    "model": model.id,
                    "trial": trial,
                    "version": codec.version,
                    "before": model.codec.version,
                    "devices": count,
                    "actor": actor,
                    "state": "trial" if devices else "everywhere",
                    "old": _json(model.codec),
                    "new": _json(codec),
                },
            )
            row = await added.fetchone()
        return await self.rollout(row[0] if row else 0)

    async def everywhere(self, number: int) -> Rollout:
        """The version that was tried becomes the model's. Raises Conflict when no trial runs."""
        rollout = await self.rollout(number)
        await self._end(
            rollout, "everywhere", codec=msgspec.convert(rollout.new, CodecRef), was="trial"
        )
        return await self.rollout(number)

    async def back(self, number: int) -> Rollout:
        """The version before, everywhere. Raises Conflict when it is rolled back already."""
        rollout = await self.rollout(number)
        old = msgspec.convert(rollout.old, CodecRef)
        await self._end(rollout, "rolled_back", codec=old, was=rollout.state)
        return await self.rollout(number)

    async def rollouts(self, model: str = "") -> list[Rollout]:
        """Roll-outs of a model, the newest first."""
        return await self._rollouts(model=model, id=0)

    async def rollout(self, number: int) -> Rollout:
        """One roll-out. Raises NotFound."""
        found = await self._rollouts(model="", id=number) if number else []
        if not found:
            raise NotFound(rollout=number)
        return found[0]

    async def _end(self, rollout: Rollout, state: str, *, codec: CodecRef, was: str) -> None:
        if rollout.state in {state, "rolled_back"}:
            raise Conflict("this version is there already", rollout=rollout.id)
        values = {**_codec(codec), "model": rollout.model, "trial": rollout.trial}
        home = {"from": rollout.trial, "to": rollout.model, "all": True, "keys": []}
        async with self._postgres.transaction() as connection:
            ended = await connection.execute(
                SQL["end_rollout"], {"id": rollout.id, "state": state, "was": was}
            )
            if not ended.rowcount:
                raise Conflict("somebody else decided meanwhile", rollout=rollout.id)
            await connection.execute(SQL["set_codec"], values)
            await connection.execute(SQL["move_devices"], home)
            await connection.execute(SQL["drop_model"], values)

    async def _rollouts(self, **values: Any) -> list[Rollout]:
        rows = await self._postgres.rows(SQL["rollouts"], **values)
        names = Rollout.__struct_fields__
        return [Rollout(**dict(zip(names, row, strict=True))) for row in rows]


def trial_name(model: str) -> str:
    """The name under which a model is tried."""
    return f"{model}~trial"


def _codec(codec: CodecRef) -> dict[str, Any]:
    return msgspec.structs.asdict(codec)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
