"""The examples by which a codec is judged, wherever they are written.

Three forms: a Python codec's ``EXAMPLES``; a device repository's ``vendor/<v>/<device>-codec.yaml`` with
``uplinkDecoder``, ``downlinkEncoder``, ``downlinkDecoder`` (The Things Network's schema); ChirpStack's
``codecs/test_decode_<name>.json`` beside ``<name>.js``, and TS013's ``examples.json``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from clapas.codecs import core_yaml
from clapas.codecs.errors import CodecError
from clapas.codecs.script.call import Operation

_SECTIONS: dict[str, Operation] = {
    "uplinkDecoder": "uplink",
    "downlinkEncoder": "encode",
    "downlinkDecoder": "decode_downlink",
}
_TYPES: dict[str, Operation] = {
    "uplink": "uplink",
    "downlink-encode": "encode",
    "downlink-decode": "decode_downlink",
}
_PREFIXES: dict[str, Operation] = {"test_decode_": "uplink", "test_encode_": "encode"}
MAX_FILES = 100_000


class ScriptCase(msgspec.Struct, frozen=True, kw_only=True):
    """One example of a script: its input, the exact answer, and the normalised one if it is given.

    ``bare`` ignores empty ``warnings`` and ``errors`` of the answer that the example does not name.
    """

    description: str
    operation: Operation
    script: str
    input: Any
    output: Any
    normalized: Any = None
    bare: bool = False


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """The examples of one file; ``problem`` when the file itself cannot be used."""

    path: Path
    cases: tuple[ScriptCase, ...] = ()
    problem: str = ""


def find(path: Path) -> Iterator[Suite]:
    """Every script's examples under a path: a file, a directory or a whole repository."""
    if path.is_file():
        yield from _suites(path)
        return
    files = sorted(each for each in path.rglob("*") if each.suffix in {".yaml", ".yml", ".json"})
    for each in files[:MAX_FILES]:
        yield from _suites(each)


def python_codecs(path: Path) -> list[Path]:
    """Files of Python codecs under a path: those that export ``CODEC``."""
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [
        each
        for each in files
        if each.suffix == ".py" and "\nCODEC" in each.read_text(encoding="utf-8", errors="replace")
    ]


def _suites(path: Path, *, beside: Path | None = None) -> Iterator[Suite]:
    try:
        if path.suffix == ".js":
            yield from _beside(path)
        elif path.suffix == ".json":
            yield from _json(path, beside)
        elif path.suffix in {".yaml", ".yml"}:
            text = path.read_text(encoding="utf-8", errors="replace")
            if any(f"{section}:" in text for section in _SECTIONS):
                yield from _repository(path)
    except (CodecError, OSError, msgspec.ValidationError) as problem:
        yield Suite(path=path, problem=str(problem))


def _beside(script: Path) -> Iterator[Suite]:
    """The examples of one script: the files beside it that speak of it."""
    for each in sorted(script.parent.iterdir()):
        if each.suffix == ".json" and each.stem in {
            "examples",
            f"{script.stem}.examples",
            f"{script.stem}-examples",
            *(prefix + script.stem for prefix in _PREFIXES),
        }:
            yield from _suites(each, beside=script)
        elif each.suffix in {".yaml", ".yml"}:
            for suite in _suites(each):
                own = tuple(case for case in suite.cases if Path(case.script).name == script.name)
                if own:
                    yield Suite(path=suite.path, cases=own)


def _repository(path: Path) -> Iterator[Suite]:
    document = core_yaml.load(path)
    if not isinstance(document, dict):
        return
    cases: list[ScriptCase] = []
    for section, operation in _SECTIONS.items():
        part = document.get(section)
        if not isinstance(part, dict) or not isinstance(part.get("examples"), list):
            continue
        script = str(path.parent / str(part.get("fileName", "")))
        cases += [
            _case(each, operation, script=script)
            for each in part["examples"]
            if isinstance(each, dict)
        ]
    if cases:
        yield Suite(path=path, cases=tuple(cases))


def _json(path: Path, beside: Path | None) -> Iterator[Suite]:
    """The examples of one file; ``examples.json`` names no script: it speaks of the one that was asked for."""
    prefix = next((each for each in _PREFIXES if path.name.startswith(each)), "")
    if not prefix and not path.stem.endswith("examples"):
        return
    operation = _PREFIXES.get(prefix, "uplink")
    script = _script_of(path, path.stem.removeprefix(prefix) if prefix else "") or beside
    if script is None or beside not in {None, script}:
        return
    document = _lenient(path)
    if not isinstance(document, list):
        raise CodecError(f"{path.name} is not a list of examples")
    cases = tuple(
        _case(each, _TYPES.get(str(each.get("type", "")), operation), script=str(script), bare=True)
        for each in document
        if isinstance(each, dict)
    )
    if cases:
        yield Suite(path=path, cases=cases)


def _lenient(path: Path) -> Any:
    """JSON, or JSON as ChirpStack's own files write it, with ``0x02`` numbers: YAML 1.2 reads both."""
    try:
        return msgspec.json.decode(path.read_bytes())
    except msgspec.DecodeError:
        return core_yaml.load(path)


def _script_of(path: Path, stem: str) -> Path | None:
    if not stem:
        stem = path.stem.removesuffix("examples").rstrip(".-_")
    names = [f"{stem}.js"] if stem else ["main.js", "index.js", f"{path.parent.name}.js"]
    return next((path.parent / each for each in names if (path.parent / each).is_file()), None)


def _case(
    example: dict[str, Any], operation: Operation, *, script: str, bare: bool = False
) -> ScriptCase:
    given = example.get("input")
    if isinstance(given, dict) and isinstance(given.get("bytes"), str):
        try:
            given = {**given, "bytes": list(bytes.fromhex(given["bytes"]))}
        except ValueError:
            raise CodecError(f"the bytes {given['bytes']!r} are not hexadecimal") from None
    return ScriptCase(
        description=str(example.get("description") or example.get("name") or ""),
        operation=operation,
        script=script,
        input=given if given is not None else {},
        output=example.get("output", example.get("expected")),
        normalized=example.get("normalizedOutput") or _inside(example),
        bare=bare,
    )


def _inside(example: dict[str, Any]) -> Any:
    output = example.get("output")
    return output.get("normalizedOutput") if isinstance(output, dict) else None
