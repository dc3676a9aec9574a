"""The worker processes: killed, replaced, fast where no script can tell."""

import os
import signal

from clapas.codecs.script.call import Call
from clapas.codecs.script.compiled import Compiled
from clapas.codecs.script.engine import run
from clapas.codecs.script.workers import Workers

SCRIPT = "function decodeUplink(i) { var d = {a: i.bytes[0]}; return {data: d}; }"
GIVEN = b'{"bytes": [1], "fPort": 2, "recvTime": 0}'


async def test_a_worker_that_dies_is_replaced_and_only_its_job_is_lost() -> None:
    async with Workers.open(1) as workers:
        call = Call("decode", "ttn", SCRIPT, GIVEN)
        assert (await workers.run([call]))[0].output
        process = workers._all[0]._process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        os.kill(process.pid, signal.SIGKILL)
        answers = await workers.run([call] * 3)
        assert sum(bool(each.output) for each in answers) >= 2
        assert all(each.output or "force" in each.error for each in answers)


async def test_workers_hold_no_secret_of_the_platform(monkeypatch: object) -> None:
    async with Workers.open(1) as workers:
        await workers.run([Call("decode", "ttn", SCRIPT, GIVEN)])
        process = workers._all[0]._process
        assert process is not None
        with open(f"/proc/{process.pid}/environ", "rb") as file:  # noqa: PTH123, ASYNC230
            names = {line.split(b"=")[0] for line in file.read().split(b"\0") if line}
        assert names <= {b"PYTHONPATH", b"TZ", b"LC_ALL"}
        descriptors = os.listdir(f"/proc/{process.pid}/fd")  # noqa: PTH208
        assert set(descriptors) == {"0", "1", "2"}


def test_the_fast_path_gives_what_the_slow_one_gives() -> None:
    compiled = Compiled()
    for _ in range(3):
        assert compiled.run("decode", "ttn", script=SCRIPT, given=GIVEN) == run(
            "decode", "ttn", script=SCRIPT, given=GIVEN
        )


def test_the_fast_path_starts_a_script_variables_afresh() -> None:
    script = "var n = 0; function decodeUplink(i) { n += 1; return {data: {n: n}}; }"
    compiled = Compiled()
    for _ in range(3):
        answer = compiled.run("decode", "ttn", script=script, given=GIVEN)
        assert answer is not None
        assert answer.output == b'{"data":{"n":1}}'


def test_scripts_that_could_remember_take_the_slow_path() -> None:
    compiled = Compiled()
    leaking = "function decodeUplink(i) { left = 1; return {data: {}}; }"
    assert compiled.run("decode", "ttn", script=leaking, given=GIVEN) is not None
    assert compiled.run("decode", "ttn", script=leaking, given=GIVEN) is None
    for reaching in (
        "Math.round = function () { return 1; }; function decodeUplink(i) { return {data: {}}; }",
        "Array.prototype.x = 1; function decodeUplink(i) { return {data: {}}; }",
        "function decodeUplink(i) { this.x = 1; return {data: {}}; }",
        "parseInt = null; function decodeUplink(i) { return {data: {}}; }",
        "var a = 1; } Date.now = 3; { function decodeUplink(i) { return {data: {}}; }",
    ):
        assert compiled.run("decode", "ttn", script=reaching, given=GIVEN) is None


async def test_a_fleet_with_a_codec_that_loops_does_not_hold_the_others_for_long() -> None:
    loop = Call("decode", "ttn", "function decodeUplink(i) { for (;;) {} }", GIVEN)
    good = Call("decode", "ttn", SCRIPT, GIVEN)
    async with Workers.open(1) as workers:
        answers = await workers.run([*[loop] * 20, good])
    assert [each.exhausted for each in answers[:20]] == [True] * 4 + [False] * 16
    assert all("limits" in each.error for each in answers[4:20])
    assert answers[20].output
