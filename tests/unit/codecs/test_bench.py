"""The bench of codecs measures real decodes."""

import pytest

from clapas.ops.benches import codec


async def test_the_bench_gives_a_rate_for_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "ROUNDS", dict.fromkeys(codec.ROUNDS, 20))
    monkeypatch.setattr(codec, "BATCH", 10)
    figures = await codec.run({"workers": 1})
    assert all(figures[f"{name}_per_s"] > 0 for name in codec.ROUNDS)
