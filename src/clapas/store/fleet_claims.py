"""Claim codes: how a new device lets itself in, once, as an administrator decided beforehand."""

from datetime import datetime
from typing import Literal

import msgspec

from clapas.domain.errors import NotFound
from clapas.store.page import bounded, cursor, key_of
from clapas.store.postgres import Postgres
from clapas.store.sql import queries
from clapas.store.text import device_words, searchable
from clapas.store.values import Page

SQL = queries("fleet_claims")
Entry = Literal["proposed", "to_install", "active"]
Outcome = Literal["claimed", "again", "unknown", "expired", "used_up", "other_device", "exists"]


class NewClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What a code lets in: one named device or any (''), ``uses`` of them, with which model and tags.

    ``lifecycle`` 'proposed' is quarantine: the device may speak, and waits for a person's approval.
    """

    label: str = ""
    device: str = ""
    model: str = ""
    source: str = "mqtt_device"
    lifecycle: Entry = "proposed"
    tags: dict[str, str] = {}
    uses: int = 1
    expires: datetime


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A code as lists show it; the code itself is told once, when it is made."""

    id: int
    label: str
    device: str
    model: str
    source: str
    lifecycle: str
    tags: dict[str, str]
    uses: int
    expires: datetime
    revoked: datetime | None
    actor: str
    created: datetime
    used: int
    model_label: str


class Claims:
    """Claim codes in PostgreSQL, by their proofs."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def add(self, claim: NewClaim, *, proof: bytes, actor: str) -> int:
        """Keep a code; its number."""
        values = msgspec.structs.asdict(claim)
        values["tags"] = msgspec.json.encode(claim.tags).decode()
        row = await self._postgres.row(SQL["add"], proof=proof, actor=actor, **values)
        return int(row[0]) if row else 0

    async def page(self, *, after: str | None = None, limit: int = 50) -> Page[Claim]:
        """Codes, the newest first."""
        limit = bounded(limit)
        last = key_of(after, int)
        rows = await self._postgres.rows(
            SQL["list"], before=last[0] if last else 2**62, limit=limit + 1
        )
        names = Claim.__struct_fields__
        found = [Claim(**dict(zip(names, row, strict=True))) for row in rows[:limit]]
        return Page(found, cursor(found[-1].id) if len(rows) > limit else None)

    async def revoke(self, claim: int) -> None:
        """The code serves no more. Raises NotFound."""
        if not await self._postgres.run(SQL["revoke"], id=claim):
            raise NotFound(claim=claim)

    async def introduce(self, key: str) -> None:
        """A device that its maker vouches for is proposed, unless it is known."""
        await self._postgres.run(
            SQL["create"],
            key=key,
            source="mqtt_device",
            model="",
            lifecycle="proposed",
            tags="{}",
            search=searchable(key),
        )

    async def redeem(self, proof: bytes, key: str) -> Outcome:
        """A device shows a code, in one transaction: 'claimed' the first time, 'again' ever after.

        A code without a named device never speaks for a device that exists already.
        """
        async with self._postgres.transaction() as connection:
            values = {"proof": proof, "key": key}
            row = await (await connection.execute(SQL["lock"], values)).fetchone()
            if row is None:
                return "unknown"
            number, device, model, source, lifecycle, tags, uses, live, again, used = row
            if again:
                return "again"
            if not live:
                return "expired"
            if device and device != key:
                return "other_device"
            if used >= uses:
                return "used_up"
            known = await (await connection.execute(SQL["known"], {"key": key})).fetchone()
            if known is not None and not device:
                return "exists"
            if known is None:
                await connection.execute(
                    SQL["create"],
                    {
                        "key": key,
                        "source": source,
                        "model": model,
                        "lifecycle": lifecycle,
                        "tags": msgspec.json.encode(tags).decode(),
                        "search": device_words(key, "", tags=tags),
                    },
                )
            await connection.execute(SQL["use"], {"claim": number, "key": key})
            return "claimed"
