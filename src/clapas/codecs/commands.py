"""``clapas codec``: try a codec on a payload, run examples, list what is known."""

import asyncio
import importlib.util
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from clapas.codecs.device import DeviceCodec, codecs
from clapas.codecs.errors import CodecError
from clapas.codecs.examples import Suite, find, python_codecs
from clapas.codecs.job import DecodeJob
from clapas.codecs.judge import Verdict, judge_device, judge_suite
from clapas.codecs.pool import CodecPool
from clapas.codecs.script.call import Mode
from clapas.codecs.script.workers import Workers
from clapas.domain.device import CodecRef

_KINDS = {"cayenne": "cayenne", "senml": "senml"}


def register(app: typer.Typer) -> None:
    """Add ``codec`` and its commands."""
    codec = typer.Typer(help="Try, test and list payload codecs.", no_args_is_help=True)
    codec.command("run")(run_codec)
    codec.command("test")(judge)
    codec.command("list")(list_codecs)
    app.add_typer(codec, name="codec")


def run_codec(
    file: Annotated[
        str, typer.Argument(help="A .js or .py codec, or a codec's name (clapas codec list).")
    ],
    payload: Annotated[
        str, typer.Argument(metavar="HEX", help="The payload; for 'encode', its JSON.")
    ],
    *,
    port: Annotated[int | None, typer.Option("--port", "-p", help="LoRaWAN fPort.")] = None,
    mode: Annotated[
        str, typer.Option(help="ttn (sloppy script) or chirpstack (ES module).")
    ] = "ttn",
    direction: Annotated[str, typer.Option(help="up, down (decode a downlink) or encode.")] = "up",
    variable: Annotated[
        list[str] | None, typer.Option(help="A device variable, name=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a codec on one payload and print what it gives."""
    if mode not in {"ttn", "chirpstack"} or direction not in {"up", "down", "encode"}:
        raise typer.BadParameter("--mode is ttn or chirpstack; --direction is up, down or encode")
    try:
        job = _job(
            file,
            payload if direction != "encode" else "",
            port=port,
            mode=mode,
            variables=variable or [],
        )
        answer = asyncio.run(_answer(job, direction, payload=payload))
    except CodecError as problem:
        answer = {"errors": [str(problem)]}
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
    else:
        _show(dict(answer))
    if answer.get("errors"):
        raise typer.Exit(1)


def judge(
    path: Annotated[
        Path, typer.Argument(exists=True, help="A codec, a directory or a device repository.")
    ],
    mode: Annotated[
        str, typer.Option(help="ttn (sloppy script) or chirpstack (ES module).")
    ] = "ttn",
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a file, the total last.")
    ] = False,
) -> None:
    """Run a codec's examples, or those of a whole device repository."""
    if mode not in {"ttn", "chirpstack"}:
        raise typer.BadParameter("--mode is ttn or chirpstack")
    began = time.perf_counter()
    passed, failed, files = asyncio.run(_judge(path, _mode(mode), as_json=as_json))
    total = {
        "passed": passed,
        "failed": failed,
        "files": files,
        "mode": mode,
        "seconds": round(time.perf_counter() - began, 2),
    }
    if as_json:
        typer.echo(json.dumps(total))
    else:
        typer.echo(f"{passed} passed, {failed} failed, {files} files")
    if failed:
        raise typer.Exit(1)


def list_codecs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the codecs that come with Clapas and those of installed packages."""
    known = sorted(codecs().values(), key=lambda each: each.name)
    if as_json:
        rows = [
            {
                "name": each.name,
                "label": each.label,
                "maker": each.maker,
                "models": list(each.models),
                "version": each.version,
                "examples": len(each.examples),
            }
            for each in known
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for each in known:
        typer.echo(f"{each.name:24}{each.label} — {', '.join(each.models)}")


async def _answer(job: DecodeJob, direction: str, *, payload: str) -> dict[str, Any]:
    async with CodecPool.open(1) as pool:
        if direction == "up":
            (decoded,) = await pool.decode([job])
            answer: dict[str, Any] = {"readings": msgspec.to_builtins(decoded.readings)}
            for name in ("data", "normalized"):
                if (value := getattr(decoded, name)) is not None:
                    answer[name] = value
            return {**answer, "warnings": list(decoded.warnings), "errors": list(decoded.errors)}
        if direction == "encode":
            encoded = await pool.encode(job, _json(payload))
            return {
                "bytes": encoded.payload.hex(),
                "fPort": encoded.f_port,
                "warnings": list(encoded.warnings),
                "errors": list(encoded.errors),
            }
        down = await pool.call("decode_downlink", job, given={"bytes": list(job.payload)})
        return down.data if isinstance(down.data, dict) else {"errors": list(down.errors)}


async def _judge(path: Path, mode: Mode, *, as_json: bool) -> tuple[int, int, int]:
    passed = failed = files = 0
    async with Workers.open(2) as workers:
        for each in python_codecs(path):
            verdict = judge_device(_load(each))
            _tell(msgspec.structs.replace(verdict, file=str(each)), as_json=as_json)
            passed, failed, files = passed + verdict.passed, failed + verdict.failed, files + 1
        suites = find(path)
        while suite := await asyncio.to_thread(_next, suites):
            verdict = await judge_suite(workers, suite, mode=mode)
            _tell(verdict, as_json=as_json)
            passed, failed, files = passed + verdict.passed, failed + verdict.failed, files + 1
    if not files:
        _tell(
            Verdict(file=str(path), failed=1, failures=("no example is found here",)),
            as_json=as_json,
        )
        failed = 1
    return passed, failed, files


def _next(suites: Any) -> Suite | None:
    return next(suites, None)


def _tell(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.encode(verdict).decode())
        return
    typer.echo(f"{verdict.file}: {verdict.passed} passed, {verdict.failed} failed")
    for failure in verdict.failures:
        typer.echo(f"    {failure}")


def _job(
    file: str, payload: str, *, port: int | None, mode: str, variables: list[str]
) -> DecodeJob:
    try:
        content = bytes.fromhex(payload.removeprefix("0x"))
    except ValueError:
        raise CodecError(f"{payload!r} is not hexadecimal") from None
    ref, script = _codec(file, mode)
    return DecodeJob(
        codec=ref,
        script=script,
        payload=content,
        f_port=port,
        received_ms=int(datetime.now(UTC).timestamp() * 1000),
        variables=dict(each.partition("=")[::2] for each in variables),
    )


def _codec(file: str, mode: str) -> tuple[CodecRef, str]:
    """What a file or a name is: a script, a Python codec, or a format."""
    path = Path(file)
    if path.suffix == ".py" and path.is_file():
        found = _load(path)
        codecs().setdefault(found.name, found)
        return CodecRef("python", found.name), ""
    if path.is_file():
        return CodecRef("javascript", path.name, mode), path.read_text(encoding="utf-8-sig")
    if file in _KINDS:
        return CodecRef(_KINDS[file]), ""
    if file in codecs():
        return CodecRef("python", file), ""
    raise CodecError(f"{file!r} is neither a file nor the name of a codec")


def _load(path: Path) -> DeviceCodec:
    spec = importlib.util.spec_from_file_location(f"clapas_codec_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CodecError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, "CODEC", None)
    if not isinstance(found, DeviceCodec):
        raise CodecError(f"{path} exports no CODEC")
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise CodecError(f"the data to encode is not JSON: {problem}") from None


def _mode(mode: str) -> Mode:
    return "chirpstack" if mode == "chirpstack" else "ttn"


def _show(answer: dict[str, Any]) -> None:
    for reading in answer.pop("readings", []):
        unit = reading["quantity"] or reading["unit"]
        moment = f"  {reading['measured']}" if reading.get("measured") else ""
        typer.echo(f"{reading['channel']:28}{reading['value']!s:>16}  {unit}{moment}")
    for name in ("warnings", "errors"):
        for each in answer.pop(name, []):
            typer.echo(f"{name[:-1]}: {each}")
    for name, value in answer.items():
        typer.echo(f"{name}: {json.dumps(value, ensure_ascii=False)}")
