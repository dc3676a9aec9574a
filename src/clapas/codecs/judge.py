"""Run examples and say which pass: exact deep equality, as the repositories' own checks demand."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from clapas.codecs.device import DeviceCodec, Example, Frame
from clapas.codecs.errors import CodecError
from clapas.codecs.examples import ScriptCase, Suite
from clapas.codecs.script.call import Answer, Call, Mode
from clapas.codecs.script.workers import Workers
from clapas.domain.message import Reading


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file's examples; ``failures`` are sentences."""

    file: str
    passed: int = 0
    failed: int = 0
    failures: tuple[str, ...] = ()


async def judge_suite(workers: Workers, suite: Suite, *, mode: Mode) -> Verdict:
    """Run every example of a file of scripts."""
    if suite.problem:
        return Verdict(file=str(suite.path), failed=1, failures=(suite.problem,))
    failures: list[str] = []
    scripts = _scripts(suite.cases, failures)
    cases = [case for case in suite.cases if case.script in scripts]
    answers = await workers.run([_call(case, scripts[case.script], mode=mode) for case in cases])
    normal = [case for case in cases if case.normalized is not None]
    normalised = dict(
        zip(
            [id(case) for case in normal],
            await workers.run(
                [_normalise(case, scripts[case.script], mode=mode) for case in normal]
            ),
            strict=True,
        )
    )
    for case, answer in zip(cases, answers, strict=True):
        problem = _problem(case, answer, normal=normalised.get(id(case)))
        if problem:
            failures.append(f"{case.description or case.operation}: {problem}")
    return Verdict(
        file=str(suite.path),
        passed=len(suite.cases) - len(failures),
        failed=len(failures),
        failures=tuple(failures),
    )


def judge_device(codec: DeviceCodec) -> Verdict:
    """Run every example of a Python codec; having none is a failure."""
    failures = [
        f"{example.description}: {problem}"
        for example in codec.examples
        if (problem := device_problem(codec, example))
    ]
    if not codec.examples:
        failures = ["the codec has no example"]
    passed = len(codec.examples) - len(failures) if codec.examples else 0
    return Verdict(file=codec.name, passed=passed, failed=len(failures), failures=tuple(failures))


def device_problem(codec: DeviceCodec, example: Example) -> str:
    """What is wrong with one example of a Python codec, '' when nothing is."""
    frame = Frame(
        payload=bytes.fromhex(example.payload),
        f_port=example.f_port,
        received=datetime.fromisoformat(example.received),
        variables=example.variables,
    )
    try:
        readings = codec.decode(frame)
    except CodecError as problem:
        expected = bool(example.error) and example.error in str(problem)
        return "" if expected else f"refused: {problem}"
    if example.error:
        return f"was to be refused because {example.error!r}"
    return _difference(example, readings)


def equal(expected: Any, actual: Any) -> bool:
    """Deep equality of JSON values as JavaScript sees them: 1 is 1.0, and is not true; NaN is NaN."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        first, second = float(expected), float(actual)
        return first == second or (math.isnan(first) and math.isnan(second))
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {str(key) for key in expected} == {str(key) for key in actual} and all(
            equal(value, actual.get(str(key))) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            equal(first, second) for first, second in zip(expected, actual, strict=True)
        )
    return type(expected) is type(actual) and bool(expected == actual)


def _scripts(cases: Iterable[ScriptCase], failures: list[str]) -> dict[str, str]:
    scripts: dict[str, str] = {}
    for case in cases:
        if case.script not in scripts:
            try:
                scripts[case.script] = Path(case.script).read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as problem:
                failures.append(f"{case.description}: {Path(case.script).name}: {problem}")
    return scripts


def _call(case: ScriptCase, script: str, *, mode: Mode) -> Call:
    return Call(case.operation, mode, script, msgspec.json.encode(case.input))


def _normalise(case: ScriptCase, script: str, *, mode: Mode) -> Call:
    return Call("normalize", mode, script, msgspec.json.encode(case.output))


def _problem(case: ScriptCase, answer: Answer, *, normal: Answer | None) -> str:
    if answer.error:
        return answer.error
    actual = msgspec.json.decode(answer.output)
    if case.bare:
        actual = _bare(case.output, actual)
    if not equal(case.output, actual):
        return f"expected {_short(case.output)}, got {_short(actual)}"
    if normal is None:
        return ""
    if normal.error:
        return f"normalizeUplink: {normal.error}"
    result = msgspec.json.decode(normal.output)
    if isinstance(result, dict) and isinstance(result.get("data"), dict):
        result = {**result, "data": [result["data"]]}
    if not equal(case.normalized, result):
        return f"normalizeUplink: expected {_short(case.normalized)}, got {_short(result)}"
    return ""


def _bare(expected: Any, actual: Any) -> Any:
    if not isinstance(expected, dict) or not isinstance(actual, dict):
        return actual
    return {
        key: value
        for key, value in actual.items()
        if key in expected or value or key not in {"warnings", "errors"}
    }


def _difference(example: Example, readings: Iterable[Reading]) -> str:
    now: dict[str, Any] = {}
    past: dict[str, list[tuple[str, Any]]] = {}
    for reading in readings:
        if reading.measured is None:
            now[reading.channel] = reading.value
        else:
            moment = reading.measured.astimezone(UTC).isoformat().replace("+00:00", "Z")
            past.setdefault(reading.channel, []).append((moment, reading.value))
    if not equal(example.values, now):
        return f"expected {_short(example.values)}, got {_short(now)}"
    times = {channel: tuple(values) for channel, values in past.items()}
    if example.times != times:
        return f"expected {_short(example.times)}, got {_short(times)}"
    return ""


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 400 else text[:400] + "…"
