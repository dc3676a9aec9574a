"""The codec written in the guide is a codec that works."""

import re
from pathlib import Path
from typing import Any

from clapas.codecs.judge import judge_device

GUIDE = Path(__file__).parents[3] / "docs/add-a-codec.md"


def test_the_codec_of_the_guide_passes_its_example() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "acme_bin"}
    exec(compile(source, str(GUIDE), "exec"), names)  # noqa: S102
    assert judge_device(names["CODEC"]).failures == ()
