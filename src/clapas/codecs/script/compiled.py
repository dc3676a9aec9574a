"""The fast path: a script compiled once and run many times, only where no run can see another.

The script becomes the body of a function that is called anew for each run, so that its own variables
start afresh; scripts whose text could reach further (prototypes, built-ins, ``this``) are left to the
slow path, and the first run that leaves a global behind retires its context for good.
"""

import re
from collections import OrderedDict

import quickjs

from clapas.codecs.script.call import Answer, Mode, Operation
from clapas.codecs.script.engine import NAMES, call, context, failure

KEPT_CONTEXTS = 64
KEPT_VERDICTS = 4096

_BUILT_IN = (
    "Object|Array|String|Number|Boolean|Math|Date|JSON|RegExp|Map|Set|WeakMap|WeakSet|BigInt|Error"
    "|parseInt|parseFloat|isNaN|isFinite|escape|unescape|encodeURIComponent|decodeURIComponent|console"
    "|NaN|Infinity|undefined|atob|btoa|ArrayBuffer|DataView|Intl|Reflect|Proxy"
    "|(?:Int|Uint|Float)(?:8|16|32|64)(?:Clamped)?Array"
)
_REACHES_OUT = re.compile(
    r"\b(?:prototype|__\w+|globalThis|eval|Function|constructor|this|import|export|await|async|Promise"
    r"|Symbol|defineProperty|defineProperties|setPrototypeOf|assign|Reflect|Proxy|with|lastIndex)\b"
    rf"|\b(?:{_BUILT_IN})\s*(?:\.\s*\w+|\[[^\]]*\])?\s*(?:[-+*/%&|^]|<<|>>>?|\*\*)?=(?!=)"
    rf"|\bfunction\s+(?:{_BUILT_IN})\b"
)


class Compiled:
    """Contexts of one worker, by script, the least used retired first."""

    def __init__(self) -> None:
        self._contexts: OrderedDict[str, quickjs.Context] = OrderedDict()
        self._unsafe: OrderedDict[str, None] = OrderedDict()

    def run(self, operation: Operation, mode: Mode, *, script: str, given: bytes) -> Answer | None:
        """Run the script's function on its kept context; None when the slow path must do it."""
        if mode != "ttn" or script in self._unsafe:
            return None
        ready = self._contexts.get(script) or self._compile(script)
        if ready is None:
            return None
        self._contexts.move_to_end(script)
        try:
            answer = call(ready, "__clapas_make()", operation=operation, given=given)
            if int(ready.eval("Object.getOwnPropertyNames(globalThis).length - __clapas_known")):
                self._retire(script)
        except (quickjs.JSException, quickjs.StackOverflow) as problem:
            self._contexts.pop(script, None)
            return failure(str(problem))
        return answer

    def _compile(self, script: str) -> quickjs.Context | None:
        if _REACHES_OUT.search(script):
            self._retire(script)
            return None
        ready = context()
        make = f"(function () {{ {script}\n;return {NAMES}; }})"
        try:
            ready.set("__clapas_known", 0)
            ready.set("__clapas_make", ready.eval(make))
            ready.eval("__clapas_known = Object.getOwnPropertyNames(globalThis).length")
        except (quickjs.JSException, quickjs.StackOverflow):
            self._retire(script)
            return None
        self._contexts[script] = ready
        while len(self._contexts) > KEPT_CONTEXTS:
            self._contexts.popitem(last=False)
        return ready

    def _retire(self, script: str) -> None:
        self._contexts.pop(script, None)
        self._unsafe[script] = None
        while len(self._unsafe) > KEPT_VERDICTS:
            self._unsafe.popitem(last=False)
