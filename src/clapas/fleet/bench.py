"""The codec bench: what bytes become, whether saved examples still hold, what a new version changes."""

from collections.abc import Sequence
from typing import Any

import msgspec

from clapas.codecs import CodecPool
from clapas.codecs.job import DecodeJob
from clapas.domain.device import CodecRef
from clapas.domain.message import Reading, Value
from clapas.fleet.errors import CodecVectors
from clapas.store import RawRow, Store
from clapas.store.fleet_codecs import Rollout, Vector

MOST_UPLINKS = 1000
CLOSE = 1e-9


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a codec made of bytes."""

    values: dict[str, Value]
    readings: tuple[Reading, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A saved example, judged; ``answer`` is what the codec gave."""

    vector: int
    label: str
    ok: bool
    expected: dict[str, Any]
    answer: Answer


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A frame that the new version reads otherwise: channel → (before, after)."""

    log: int
    sequence: int
    device: str
    f_port: int | None
    payload: str
    changes: dict[str, tuple[Value, Value]]
    errors: tuple[str, ...] = ()


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a new version would change: examples, and the last real frames."""

    checks: list[Check]
    frames: int
    same: int
    new_errors: int
    mended: int
    changed: list[Change]


class Bench:
    """Works with the codecs of one store."""

    def __init__(self, store: Store, codecs: CodecPool) -> None:
        self._store = store
        self._codecs = codecs

    async def decode(
        self, codec: CodecRef, script: str, *, payload: bytes, f_port: int | None
    ) -> Answer:
        """What a codec makes of bytes."""
        return (await self._decode(codec, script, asked=[(payload, f_port)]))[0]

    async def script_of(self, codec: CodecRef) -> str:
        """The text of a codec, '' when it is not a script."""
        if codec.kind != "javascript":
            return ""
        return await self._store.models.script(codec.name, codec.version)

    async def check(self, model: str, codec: CodecRef, *, script: str) -> list[Check]:
        """Run the saved examples of a model."""
        vectors = await self._store.rollouts.vectors(model)
        asked = [(each.payload, each.f_port) for each in vectors]
        answers = await self._decode(codec, script, asked=asked)
        return [_judged(each, answer) for each, answer in zip(vectors, answers, strict=True)]

    async def try_script(self, model_id: str, script: str, *, mode: str, uplinks: int) -> Trial:
        """Compare a script with the model's codec on saved examples and the last frames."""
        model = await self._store.models.get(model_id)
        new = CodecRef(kind="javascript", name=model_id, mode=mode, version=0)
        pairs = await self._store.rollouts.last_uplinks(model_id, min(uplinks, MOST_UPLINKS))
        rows = await self._store.raw.by_sequences(pairs)
        asked = [(row.frame, row.f_port) for row in rows]
        before = await self._decode(model.codec, await self.script_of(model.codec), asked=asked)
        after = await self._decode(new, script, asked=asked)
        changed = [
            change
            for row, one, other in zip(rows, before, after, strict=True)
            if (change := _change(row, one, other=other)) is not None
        ]
        pairs_of = list(zip(before, after, strict=True))
        return Trial(
            checks=await self.check(model_id, new, script=script),
            frames=len(rows),
            same=len(rows) - len(changed),
            new_errors=sum(1 for one, other in pairs_of if other.errors and not one.errors),
            mended=sum(1 for one, other in pairs_of if one.errors and not other.errors),
            changed=changed[:100],
        )

    async def save(
        self, model_id: str, script: str, *, mode: str, devices: int, actor: str
    ) -> Rollout:
        """Save a script as the next version and try it on a few devices (0: on all).

        Raises CodecVectors when a saved example breaks: change the script, or the example.
        """
        model = await self._store.models.get(model_id)
        draft = CodecRef(kind="javascript", name=model_id, mode=mode)
        broken = [each for each in await self.check(model_id, draft, script=script) if not each.ok]
        if broken:
            raise CodecVectors(examples=[each.label or each.vector for each in broken[:10]])
        codec = await self._store.models.save_script(model_id, script, mode=mode)
        return await self._store.rollouts.start(model, codec, devices=devices, actor=actor)

    async def _decode(
        self, codec: CodecRef, script: str, *, asked: Sequence[tuple[bytes, int | None]]
    ) -> list[Answer]:
        jobs = [
            DecodeJob(codec=codec, script=script, payload=payload, f_port=f_port)
            for payload, f_port in asked
        ]
        return [
            Answer(
                values={reading.channel: reading.value for reading in each.readings},
                readings=each.readings,
                warnings=each.warnings,
                errors=each.errors,
            )
            for each in await self._codecs.decode(jobs)
        ]


def _judged(vector: Vector, answer: Answer) -> Check:
    ok = not answer.errors and all(
        _same(answer.values.get(channel), value) for channel, value in vector.expected.items()
    )
    return Check(
        vector=vector.id, label=vector.label, ok=ok, expected=vector.expected, answer=answer
    )


def _change(row: RawRow, one: Answer, *, other: Answer) -> Change | None:
    names = sorted({*one.values, *other.values})
    changes = {
        name: (one.values.get(name), other.values.get(name))
        for name in names
        if not _same(one.values.get(name), other.values.get(name))
    }
    if not changes and bool(one.errors) == bool(other.errors):
        return None
    return Change(
        log=row.log,
        sequence=row.sequence,
        device=row.device,
        f_port=row.f_port,
        payload=row.frame.hex(),
        changes=changes,
        errors=other.errors,
    )


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= CLOSE * max(1.0, abs(one), abs(other))
    return bool(one == other)
