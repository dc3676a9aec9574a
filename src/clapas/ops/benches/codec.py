"""``clapas bench codec``: how many payloads a second each kind of codec decodes.

JavaScript with a fresh context for every payload (the default), JavaScript kept compiled, a Python codec,
Cayenne LPP. The script is one of our own, of the size of a usual maker's codec.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from clapas.codecs import CodecPool, DecodeJob
from clapas.domain.device import CodecRef

PAYLOAD = bytes.fromhex("0100460253033b0ffd070e200b000000000d000f001200")
LPP = bytes.fromhex("03670110056700ff01687802732786")
SCRIPT = """
var SIZES = {1: 2, 2: 1, 3: 3, 4: 2, 5: 1, 6: 2, 7: 2, 11: 4, 13: 1, 15: 1, 18: 1};
function signed(value, bits) { return value >= Math.pow(2, bits - 1) ? value - Math.pow(2, bits) : value; }
function take(bytes, at, size) {
  var value = 0;
  for (var i = 0; i < size; i++) value = value * 256 + bytes[at + i];
  return value;
}
function decodeUplink(input) {
  var data = {}, bytes = input.bytes;
  for (var at = 0; at < bytes.length; at += 1 + SIZES[bytes[at]]) {
    var raw = take(bytes, at + 1, SIZES[bytes[at]]);
    switch (bytes[at]) {
      case 1: data.temperature = signed(raw, 16) / 10; break;
      case 2: data.humidity = raw; break;
      case 3: data.x = signed(bytes[at + 1], 8); data.y = signed(bytes[at + 2], 8); break;
      case 4: data.light = raw; break;
      case 6: data.co2 = raw; break;
      case 7: data.vdd = raw; break;
      case 11: data.pulses = raw; break;
      case 13: data.digital = raw; break;
      case 15: data.motion = raw; break;
      case 18: data.leak = raw; break;
      default: return {errors: ['unknown type ' + bytes[at]]};
    }
  }
  return {data: data};
}
"""
ROUNDS = {"javascript": 5000, "javascript_compiled": 20_000, "python": 20_000, "cayenne": 50_000}
BATCH = 500


async def run(options: Mapping[str, Any]) -> dict[str, Any]:
    """Decodes per second by kind; ``options['workers']`` processes (one per core when absent)."""
    workers = int(options.get("workers") or os.cpu_count() or 1)
    figures: dict[str, Any] = {"workers": workers, "cores": os.cpu_count()}
    for name, count in ROUNDS.items():
        async with CodecPool.open(workers, compiled=name == "javascript_compiled") as pool:
            figures[f"{name}_per_s"] = await _rate(pool, _job(name), count=count)
    return figures


def _job(name: str) -> DecodeJob:
    if name == "python":
        return DecodeJob(codec=CodecRef("python", "elsys"), payload=PAYLOAD, f_port=5)
    if name == "cayenne":
        return DecodeJob(codec=CodecRef("cayenne"), payload=LPP)
    return DecodeJob(codec=CodecRef("javascript"), script=SCRIPT, payload=PAYLOAD, f_port=5)


async def _rate(pool: CodecPool, job: DecodeJob, *, count: int) -> int:
    await pool.decode([job] * BATCH)
    began = time.perf_counter()
    for _ in range(count // BATCH):
        answers = await pool.decode([job] * BATCH)
        if any(answer.errors for answer in answers):
            raise ValueError(answers[0].errors)
    return round(count / (time.perf_counter() - began))
