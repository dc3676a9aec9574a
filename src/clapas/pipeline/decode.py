"""Step 2: bytes to readings, with the codec of the device's model; a batch is decoded at once."""

import msgspec

from clapas.codecs import DecodeJob
from clapas.domain.device import CodecRef
from clapas.pipeline.batch import Batch, Item, Refusal
from clapas.pipeline.ports import Ports


async def decode(batch: Batch, ports: Ports) -> Batch:
    """Give every item its readings. A codec that fails refuses its own message only."""
    codecs = {
        index: codec
        for index, item in enumerate(batch.items)
        if (codec := _codec(item)) is not None
    }
    jobs = [_job(batch.items[index], codec, batch=batch) for index, codec in codecs.items()]
    decoded = dict(zip(codecs, await ports.codecs.decode(jobs), strict=True)) if jobs else {}
    items = []
    for index, item in enumerate(batch.items):
        result = decoded.get(index)
        if result is None:
            readings, version = item.uplink.values, 0
        elif result.errors:
            batch.refuse(item.delivery, Refusal("codec_error", "; ".join(result.errors)[:500]))
            continue
        else:
            readings, version = result.readings, codecs[index].version
        items.append(Item(item.delivery, item.uplink, item.known, readings, version))
    return msgspec.structs.replace(batch, items=tuple(items))


def _codec(item: Item) -> CodecRef | None:
    """The model's codec is used when it has one and bytes came; else what came decoded is kept."""
    model = item.known.model if item.known else None
    if item.uplink.kind != "up" or not item.uplink.payload or model is None:
        return None
    return None if model.codec.kind == "none" else model.codec


def _job(item: Item, codec: CodecRef, *, batch: Batch) -> DecodeJob:
    return DecodeJob(
        codec=codec,
        script=item.known.script if item.known else "",
        f_port=item.uplink.f_port,
        payload=item.uplink.payload or b"",
        received_ms=batch.deliveries[item.delivery].message.received,
        variables=item.known.device.tags if item.known else {},
    )
