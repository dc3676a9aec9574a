"""Device models, codec scripts with their versions, and gateways."""

from collections.abc import Sequence

import msgspec

from clapas.domain.device import CodecRef, Gateway, Model
from clapas.domain.errors import NotFound
from clapas.store.postgres import Postgres, Row, batch
from clapas.store.sql import queries

SQL = queries("models")


class Models:
    """What is known of device models and of the radio gateways."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    async def all(self) -> list[Model]:
        """Every model, by id."""
        return [model_of(row) for row in await self._postgres.rows(SQL["models"], id="")]

    async def get(self, model: str) -> Model:
        """One model by id. Raises NotFound."""
        rows = await self._postgres.rows(SQL["models"], id=model) if model else []
        if not rows:
            raise NotFound(model=model)
        return model_of(rows[0])

    async def save(self, models: Sequence[Model]) -> None:
        """Create or replace models by id; the unchanged ones trouble nobody."""
        rows = [_flat(each) for each in {each.id: each for each in models}.values()]
        if rows:
            await self._postgres.run(SQL["save"], models=batch(rows))

    async def save_script(self, name: str, script: str, *, mode: str = "ttn") -> CodecRef:
        """Keep a codec's script; an unchanged text keeps its version, a new one gets the next."""
        row = await self._postgres.row(SQL["save_script"], name=name, script=script, mode=mode)
        return CodecRef(kind="javascript", name=name, mode=mode, version=row[0] if row else 0)

    async def script(self, name: str, version: int) -> str:
        """The text of one version. Raises NotFound."""
        row = await self._postgres.row(SQL["script"], name=name, version=version)
        if row is None:
            raise NotFound(codec=name, version=version)
        return str(row[0])

    async def save_gateways(self, gateways: Sequence[Gateway]) -> None:
        """Create or refresh gateways; an empty field keeps what was known."""
        rows = list({each.id: each for each in gateways}.values())
        if rows:
            await self._postgres.run(SQL["save_gateways"], gateways=batch(rows))

    async def gateways(self) -> list[Gateway]:
        """Gateways by id."""
        names = ("id", "name", "longitude", "latitude", "last_seen")
        rows = await self._postgres.rows(SQL["gateways"])
        return [Gateway(**dict(zip(names, row, strict=True))) for row in rows]


def model_of(row: Row) -> Model:
    """A model from its columns: id, label, maker, codec (kind, name, mode, version), the rest."""
    return Model(
        id=row[0],
        label=row[1],
        maker=row[2],
        codec=CodecRef(*row[3:7]),
        interval_s=row[7],
        quantities=row[8],
        units=row[9],
        settings=row[10],
    )


def _flat(model: Model) -> dict[str, object]:
    row = msgspec.structs.asdict(model)
    codec: CodecRef = row.pop("codec")
    return {**row, **{f"codec_{k}": v for k, v in msgspec.structs.asdict(codec).items()}}
