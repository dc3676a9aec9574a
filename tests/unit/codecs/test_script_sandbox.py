"""A script that loops, allocates, throws or lies costs its own job and nothing else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from clapas.codecs import CodecPool, Decoded, DecodeJob
from clapas.codecs.job import MAX_INPUT
from clapas.domain.device import CodecRef

GOOD = "function decodeUplink(input) { return {data: {first: input.bytes[0], port: input.fPort}}; }"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def pool() -> AsyncIterator[CodecPool]:
    async with CodecPool.open(1) as opened:
        yield opened


pytestmark = pytest.mark.asyncio(loop_scope="module")


def job(script: str, mode: str = "ttn", payload: bytes = b"\x07\x08") -> DecodeJob:
    return DecodeJob(
        codec=CodecRef(kind="javascript", mode=mode),
        script=script,
        payload=payload,
        f_port=5,
        received_ms=1_700_000_000_000,
        variables={"offset": "3"},
    )


async def one(pool: CodecPool, script: str, mode: str = "ttn") -> Decoded:
    (answer,) = await pool.decode([job(script, mode)])
    return answer


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("function decodeUplink(i) { while (true) {} }", "more than 250 ms"),
        ("while (true) {}", "more than 250 ms"),
        ("function decodeUplink(i) { for (;;) { try { for (;;) {} } catch (e) {} } }", "250 ms"),
        ("function decodeUplink(i) { return {data: /(a+)+b/.test('a'.repeat(50))}; }", "250 ms"),
        (
            "function decodeUplink(i) { var a = []; for (;;) a.push(new Array(999).fill(1)); }",
            "32 MiB",
        ),
        ("function decodeUplink(i) { return {data: new ArrayBuffer(1e9)}; }", "32 MiB"),
        ("function decodeUplink(i) { return decodeUplink(i); }", "call stack"),
        ("function decodeUplink(i) { throw new Error('no such frame'); }", "no such frame"),
        ("function decodeUplink(i) { throw null; }", "null"),
        ("function decodeUplink(i) {\n\n  return i.missing.field; }", "line 3"),
        ("function decodeUplink(i) { return 12; }", "decodeUplink gave no object"),
        ("function decodeUplink(i) { return {data: 'x'.repeat(70000)}; }", "more than 65536"),
        ("function decodeUplink(i) { var a = {}; a.a = a; return {data: a}; }", "circular"),
        ("function decodeUplink(i) { return {data: {n: 1n}}; }", "BigInt"),
        ("function decodeUplink( {", "SyntaxError"),
        ("function other() {}", "defines no function decodeUplink"),
        ("function decodeUplink(i) { return {data: require('fs')}; }", "require"),
        ("import fs from 'fs'; function decodeUplink(i) { return {data: fs}; }", "SyntaxError"),
        ("  ", "no script"),
    ],
)
async def test_a_bad_script_gets_a_clear_error_and_its_neighbours_their_values(
    pool: CodecPool, script: str, reason: str
) -> None:
    bad, good = await pool.decode([job(script), job(GOOD)])
    assert len(bad.errors) == 1
    assert reason in bad.errors[0]
    assert bad.readings == ()
    assert {each.channel: each.value for each in good.readings} == {"first": 7.0, "port": 5.0}


async def test_a_payload_longer_than_any_radio_frame_is_refused(pool: CodecPool) -> None:
    (answer,) = await pool.decode([job(GOOD, payload=b"x" * (MAX_INPUT + 1))])
    assert "longer than 512 bytes" in answer.errors[0]


async def test_no_run_sees_what_another_left(pool: CodecPool) -> None:
    script = """
        count = (typeof count === 'undefined') ? 1 : count + 1;
        Array.prototype.secret = 1;
        function decodeUplink(i) { kept = (typeof kept === 'undefined') ? 1 : kept + 1;
          return {data: {count: count, kept: kept}}; }
    """
    answers = await pool.decode([job(script)] * 4)
    assert [each.data for each in answers] == [{"count": 1, "kept": 1}] * 4


async def test_numbers_that_json_does_not_know_become_null(pool: CodecPool) -> None:
    script = (
        "function decodeUplink(i) { return {data: {a: NaN, b: 1 / 0, c: [-1 / 0], d: undefined}}; }"
    )
    answer = await one(pool, script)
    assert answer.data == {"a": None, "b": None, "c": [None]}
    assert answer.errors == ()


async def test_warnings_are_kept_and_errors_refuse_the_values(pool: CodecPool) -> None:
    warned = await one(
        pool, "function decodeUplink(i) { return {data: {a: 1}, warnings: ['low battery']}; }"
    )
    assert warned.warnings == ("low battery",)
    assert len(warned.readings) == 1
    refused = await one(
        pool, "function decodeUplink(i) { return {data: {a: 1}, errors: ['bad crc']}; }"
    )
    assert refused.errors == ("bad crc",)
    assert refused.readings == ()


async def test_sloppy_scripts_run_as_on_the_things_stack_only(pool: CodecPool) -> None:
    sloppy = "function decodeUplink(i) { total = i.bytes.length; return {data: {total: total}}; }"
    assert (await one(pool, sloppy, "ttn")).data == {"total": 2}
    strict = await one(pool, sloppy, "chirpstack")
    assert "total is not defined" in strict.errors[0]


async def test_chirpstack_scripts_have_buffer_variables_and_the_time(pool: CodecPool) -> None:
    script = """
        export function decodeUplink(input) {
          const buffer = Buffer.from(input.bytes);
          return {data: {
            value: buffer.readUInt16BE(0), hex: buffer.toString('hex'), b64: buffer.toString('base64'),
            back: Buffer.from('0708', 'hex').readInt16LE(0), half: Buffer.from([0, 0, 0, 63]).readFloatLE(0),
            text: Buffer.from('é').length, joined: Buffer.concat([buffer, buffer]).length,
            offset: Number(input.variables.offset), time: input.recvTime.toISOString(),
            strict: (function () { return this === undefined; })(),
          }};
        }
    """
    answer = await one(pool, script, "chirpstack")
    assert answer.errors == ()
    assert answer.data == {
        "value": 0x0708, "hex": "0708", "b64": "Bwg=", "back": 0x0807, "half": 0.5, "text": 2,
        "joined": 4, "offset": 3, "time": "2023-11-14T22:13:20.000Z", "strict": True,
    }  # fmt: skip


async def test_an_error_at_the_top_of_a_module_is_told(pool: CodecPool) -> None:
    answer = await one(pool, "throw new Error('at the top');", "chirpstack")
    assert "at the top" in answer.errors[0]


async def test_older_scripts_and_normalised_values(pool: CodecPool) -> None:
    older = await one(
        pool, "function Decoder(bytes, port) { return {sum: bytes[0] + bytes[1] + port}; }"
    )
    assert older.data == {"sum": 20}
    chirpstack3 = await one(
        pool, "function Decode(fPort, bytes, variables) { return {v: variables.offset}; }"
    )
    assert chirpstack3.data == {"v": "3"}
    normal = await one(
        pool,
        "function decodeUplink(i) { return {data: {t: 7}}; }"
        "function normalizeUplink(i) { return {data: {air: {temperature: i.data.t}}}; }",
    )
    assert normal.normalized == {"air": {"temperature": 7}}


async def test_downlinks_are_encoded_both_ways(pool: CodecPool) -> None:
    newer = "function encodeDownlink(i) { return {bytes: [i.data.on ? 1 : 0], fPort: 9, warnings: ['slow']}; }"
    encoded = await pool.encode(job(newer), {"on": True})
    assert (encoded.payload, encoded.f_port, encoded.warnings) == (b"\x01", 9, ("slow",))
    older = await pool.encode(
        job("function Encoder(data, port) { return [data.level]; }"), {"level": 40}
    )
    assert (older.payload, older.f_port) == (b"(", 5)
    wrong = await pool.encode(job("function encodeDownlink(i) { return {bytes: [999]}; }"), {})
    assert wrong.errors == ("the script gave no bytes",)
