"""Run one codec script once, in a QuickJS context of its own, inside limits.

A fresh context per run is the rule: many published codecs assign undeclared globals, and a warm context
would carry one device's values into the next one's. Mode 'ttn' runs the text as a sloppy script, as The
Things Stack does; 'chirpstack' as an ES module (strict), with ``Buffer``, as ChirpStack 4.17+ does.
Neither gives ``require``, files, network or timers. ``module`` and ``exports`` stay undefined on purpose:
scripts guard their exports by them, and would then hide their functions.
"""

import json
import re
from collections.abc import Iterable
from importlib import resources

import quickjs

from clapas.codecs.job import MAX_OUTPUT
from clapas.codecs.script.call import Answer, Mode, Operation

TIME_LIMIT = 0.25
"""CPU seconds of one run (QuickJS counts the process's CPU time: workers have a single thread)."""
MEMORY_LIMIT = 32 * 1024 * 1024
STACK_LIMIT = 512 * 1024


def _text(name: str) -> str:
    return resources.files("clapas.codecs.script").joinpath(name).read_text(encoding="utf-8")


PRELUDE = _text("prelude.js")
BUFFER = _text("buffer.js")
_FUNCTIONS: dict[Operation, tuple[str, ...]] = {
    "decode": ("decodeUplink", "normalizeUplink", "Decoder", "Decode"),
    "uplink": ("decodeUplink", "Decoder", "Decode"),
    "encode": ("encodeDownlink", "Encoder", "Encode"),
    "decode_downlink": ("decodeDownlink",),
    "normalize": ("normalizeUplink",),
}
"""The functions of a script that an operation may call."""


def _object(functions: Iterable[str]) -> str:
    """JavaScript for an object of those functions that the script defines; the others are null."""
    each = (f"{name}:typeof {name}==='function'?{name}:null" for name in functions)
    return "({" + ",".join(each) + "})"


_RUNNERS = {operation: _text(f"{operation}.js") for operation in _FUNCTIONS}
_OBJECTS = {operation: _object(names) for operation, names in _FUNCTIONS.items()}
NAMES = _object(sorted({name for names in _FUNCTIONS.values() for name in names}))
_KEEP = "\n;globalThis.__clapas_codec = " + NAMES
_EXHAUSTED = ("InternalError: interrupted", "InternalError: out of memory")
_REASONS = {
    "InternalError: interrupted": f"the script ran for more than {TIME_LIMIT * 1000:.0f} ms",
    "InternalError: out of memory": f"the script used more than {MEMORY_LIMIT >> 20} MiB",
}


def context() -> quickjs.Context:
    """A new context with its limits and what every script may expect."""
    fresh = quickjs.Context()
    fresh.set_memory_limit(MEMORY_LIMIT)
    fresh.set_max_stack_size(STACK_LIMIT)
    fresh.set_time_limit(TIME_LIMIT)
    fresh.eval(PRELUDE)
    return fresh


def run(operation: Operation, mode: Mode, *, script: str, given: bytes) -> Answer:
    """Run the script's function once. Never raises: what goes wrong is the answer's error."""
    try:
        fresh = context()
        if mode == "chirpstack":
            return call(fresh, _load_module(fresh, script), operation=operation, given=given)
        fresh.eval(script)
        return call(fresh, _OBJECTS[operation], operation=operation, given=given)
    except (quickjs.JSException, quickjs.StackOverflow) as problem:
        return failure(str(problem))
    except (MemoryError, RecursionError, UnicodeError, ValueError) as problem:
        return Answer(error=f"the script cannot be run: {problem}")


def call(ready: quickjs.Context, codec: str, *, operation: Operation, given: bytes) -> Answer:
    """Call the function for ``operation`` on a context where the script is loaded."""
    output = ready.eval(f"{_RUNNERS[operation]}({codec}, {json.dumps(given.decode())})")
    if not isinstance(output, str):
        return Answer(error="the script gave nothing")
    encoded = output.encode("utf-8", "replace")
    if len(encoded) > MAX_OUTPUT:
        return Answer(error=f"the script gave {len(encoded)} bytes, more than {MAX_OUTPUT}")
    return Answer(output=encoded)


def _load_module(fresh: quickjs.Context, script: str) -> str:
    if "Buffer" in script:
        fresh.eval(BUFFER)
    fresh.set("__clapas_promise", fresh.module(script + _KEEP))
    fresh.eval(
        "__clapas_promise && __clapas_promise.catch"
        " && __clapas_promise.catch(function (e) { globalThis.__clapas_error = e; })"
    )
    while fresh.execute_pending_job():
        pass
    fresh.eval("if (typeof __clapas_error !== 'undefined') throw __clapas_error;")
    return "__clapas_codec"


def failure(message: str) -> Answer:
    """An exception's text as one sentence, with the line of the owner's script."""
    head = message.strip().splitlines()[0] if message.strip() else "the script threw nothing"
    for start, reason in _REASONS.items():
        if head.startswith(start):
            return Answer(error=reason, exhausted=head.startswith(_EXHAUSTED))
    if head == "null":  # QuickJS may have no memory left for the exception itself
        return Answer(error=f"the script threw null, or used more than {MEMORY_LIMIT >> 20} MiB")
    line = re.search(r"<input>:(\d+)", message)
    return Answer(error=head + (f" (line {line[1]})" if line else ""))
