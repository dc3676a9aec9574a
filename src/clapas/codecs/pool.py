"""The one door to every codec: a batch of payloads in, readings out, in the same order.

Python, Cayenne LPP and SenML codecs run where they are called (microseconds each); JavaScript runs in
worker processes, a batch split over them. A payload never raises: its trouble is in its answer.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec

from clapas.codecs.cayenne import decode_cayenne
from clapas.codecs.device import decode_device
from clapas.codecs.errors import CodecError
from clapas.codecs.flat import flatten
from clapas.codecs.job import MAX_INPUT, Decoded, DecodeJob
from clapas.codecs.script.call import Answer, Call, Mode, Operation
from clapas.codecs.script.workers import MAX_SCRIPT, Workers
from clapas.codecs.senml import decode_senml
from clapas.domain.message import Reading, Value
from clapas.domain.window import instant

YIELD_EVERY = 256
"""Payloads decoded in process before the event loop gets its turn."""


class Encoded(msgspec.Struct, frozen=True, kw_only=True):
    """A downlink that a script encoded."""

    payload: bytes = b""
    f_port: int | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


class CodecPool:
    """Every codec behind one call. Open one per process with :meth:`open`."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, workers: int | None = None, *, compiled: bool = False
    ) -> "AsyncIterator[CodecPool]":
        """A pool of ``workers`` processes (one per core when None), started when first needed.

        ``compiled`` keeps scripts that are provably without memory compiled between runs: three times
        faster; all others still get a fresh context per run.
        """
        count = max(1, workers or os.cpu_count() or 1)
        async with Workers.open(count, compiled=compiled) as running:
            yield cls(running)

    async def decode(self, jobs: Sequence[DecodeJob]) -> list[Decoded]:
        """Decode uplinks; answers come in the jobs' order."""
        answers: list[Decoded | None] = [None] * len(jobs)
        scripted: list[int] = []
        for place, job in enumerate(jobs):
            if job.codec.kind == "javascript":
                problem = _refusal(job)
                if problem:
                    answers[place] = Decoded(errors=(problem,))
                else:
                    scripted.append(place)
            else:
                answers[place] = decode_in_process(job)
            if place % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        if scripted:
            outputs = await self._workers.run([_decode_call(jobs[place]) for place in scripted])
            for place, output in zip(scripted, outputs, strict=True):
                answers[place] = decoded(output)
        return cast("list[Decoded]", answers)

    async def encode(self, job: DecodeJob, data: Any) -> Encoded:
        """Encode a downlink with a script's ``encodeDownlink`` (or older ``Encoder``)."""
        answer = await self.call("encode", job, given={"data": data})
        if answer.errors:
            return Encoded(errors=answer.errors)
        given = answer.data if isinstance(answer.data, dict) else {}
        warnings, errors = _texts(given.get("warnings")), _texts(given.get("errors"))
        try:
            payload = bytes(given.get("bytes") or ())
        except (TypeError, ValueError):
            return Encoded(warnings=warnings, errors=errors or ("the script gave no bytes",))
        port = given.get("fPort", job.f_port)
        return Encoded(
            payload=payload,
            f_port=int(port) if isinstance(port, (int, float)) else None,
            warnings=warnings,
            errors=errors,
        )

    async def call(self, operation: Operation, job: DecodeJob, *, given: dict[str, Any]) -> Decoded:
        """Run any function of a script; its whole answer is ``data``."""
        problem = _refusal(job)
        if problem:
            return Decoded(errors=(problem,))
        wired = {"fPort": job.f_port, "variables": job.variables, **given}
        asked = Call(operation, _mode(job), job.script, msgspec.json.encode(wired))
        (answer,) = await self._workers.run([asked])
        if answer.error:
            return Decoded(errors=(answer.error,))
        return Decoded(data=msgspec.json.decode(answer.output))


def decode_in_process(job: DecodeJob) -> Decoded:
    """Decode with a codec that needs no sandbox."""
    received = instant(job.received_ms)
    try:
        match job.codec.kind:
            case "python":
                return decode_device(job, received)
            case "cayenne":
                return Decoded(readings=tuple(decode_cayenne(job.payload)))
            case "senml":
                return Decoded(readings=tuple(decode_senml(job.payload, received)))
            case kind:
                return Decoded(errors=(f"no codec of kind {kind!r} is chosen for this device",))
    except CodecError as problem:
        return Decoded(errors=(str(problem),))


def decoded(answer: Answer) -> Decoded:
    """A script's answer as readings: every leaf of its data, by its path.

    Quantities are not guessed here: the script's words are kept, and the model or
    :func:`clapas.codecs.guess.quantity` says what they mean.
    """
    if answer.error:
        return Decoded(errors=(answer.error,))
    given: dict[str, Any] = msgspec.json.decode(answer.output)
    warnings, errors = _texts(given.get("warnings")), _texts(given.get("errors"))
    if errors:
        return Decoded(warnings=warnings, errors=errors, data=given.get("data"))
    data = given.get("data")
    readings = tuple(Reading(channel, cast("Value", value)) for channel, value in flatten(data))
    normalized = given.get("normalized")
    return Decoded(
        readings=readings,
        warnings=warnings,
        data=data,
        normalized=normalized.get("data") if isinstance(normalized, dict) else None,
    )


def _decode_call(job: DecodeJob) -> Call:
    given = {
        "bytes": list(job.payload),
        "fPort": job.f_port,
        "recvTime": job.received_ms,
        "variables": job.variables,
    }
    return Call("decode", _mode(job), job.script, msgspec.json.encode(given))


def _mode(job: DecodeJob) -> Mode:
    return "chirpstack" if job.codec.mode == "chirpstack" else "ttn"


def _refusal(job: DecodeJob) -> str:
    if len(job.payload) > MAX_INPUT:
        return f"the payload is longer than {MAX_INPUT} bytes"
    if not job.script.strip():
        return "the device's model has no script"
    if len(job.script) > MAX_SCRIPT:
        return f"the script is longer than {MAX_SCRIPT} characters"
    return ""


def _texts(value: Any) -> tuple[str, ...]:
    """TS013 wants lists of strings; scripts also give one string, or nothing."""
    if not value:
        return ()
    if isinstance(value, list):
        return tuple(str(each) for each in value if each is not None)
    return (str(value),)
