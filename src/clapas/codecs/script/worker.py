"""The worker process: frames of calls on standard input, one frame per answer on standard output.

It holds nothing of value: no engine's address, no secret, no descriptor but its three pipes. It ends when
its input ends, so that no orphan outlives the platform.
"""

import math
import resource
import sys
from typing import BinaryIO

import msgspec

from clapas.codecs.script.call import MAX_FRAME, Answer, WireBatch, frame
from clapas.codecs.script.compiled import Compiled
from clapas.codecs.script.engine import run

ADDRESS_SPACE = 768 * 1024 * 1024
CPU_SECONDS = 3
"""CPU time beyond which the kernel ends a run that QuickJS did not stop."""


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
        for each in batch.calls:
            allow_cpu()
            script = batch.scripts[each.script]
            answer: Answer | None = None
            if batch.compiled:
                answer = compiled.run(each.operation, each.mode, script, each.input)
            sink.write(frame(answer or run(each.operation, each.mode, script, each.input)))
            sink.flush()


def main() -> None:
    """Entry point of the process."""
    confine()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
