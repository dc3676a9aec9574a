"""The worker process: frames of calls on standard input, one frame per answer on standard output.

It holds nothing of value: no engine's address, no secret, no descriptor but its three pipes. It ends when
its input ends, so that no orphan outlives the platform.
"""

import math
import resource
import sys
from collections import Counter
from typing import BinaryIO

import msgspec

from clapas.codecs.script.call import MAX_FRAME, Answer, WireBatch, WireCall, frame
from clapas.codecs.script.compiled import Compiled
from clapas.codecs.script.engine import run

ADDRESS_SPACE = 768 * 1024 * 1024
CPU_SECONDS = 3
"""CPU time beyond which the kernel ends a run that QuickJS did not stop."""

PATIENCE = 4
"""Times that one script may run out of its limits in one frame: a fleet of devices with a codec that
loops must not hold the others' messages for minutes."""


def confine() -> None:
    """Take from this process what no codec needs: memory, files to write, core dumps."""
    for limit, value in (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        _, hard = resource.getrlimit(limit)
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def allow_cpu() -> None:
    """Give the next run its seconds: the kernel's limit counts from the start of the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + CPU_SECONDS
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the input ends."""
    compiled = Compiled()
    while header := source.read(4):
        size = int.from_bytes(header, "big")
        if len(header) < 4 or size > MAX_FRAME:
            return
        batch = msgspec.msgpack.decode(source.read(size), type=WireBatch)
        exhausted: Counter[int] = Counter()
        for each in batch.calls:
            answer = _answer(compiled, batch, call=each, tired=exhausted[each.script] >= PATIENCE)
            exhausted[each.script] += answer.exhausted
            sink.write(frame(answer))
            sink.flush()


def _answer(compiled: Compiled, batch: WireBatch, *, call: WireCall, tired: bool) -> Answer:
    """One run; a script that just ran out of its limits again and again is not tried once more."""
    if tired:
        return Answer(error=f"the script ran out of its limits {PATIENCE} times just before")
    allow_cpu()
    script = batch.scripts[call.script]
    if batch.compiled:
        answer = compiled.run(call.operation, call.mode, script=script, given=call.input)
        if answer is not None:
            return answer
    return run(call.operation, call.mode, script=script, given=call.input)


def main() -> None:
    """Entry point of the process."""
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
