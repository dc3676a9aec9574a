"""The pack written in the guide is a pack that holds: its form, its sources, its story."""

import re
from pathlib import Path

from clapas.usecases.pack import load
from clapas.usecases.story import wrong_in

GUIDE = Path(__file__).parents[3] / "docs/add-a-trade.md"


def test_the_pack_of_the_guide_holds_as_it_is_printed(tmp_path: Path) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    _, pack, quality = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    rules, story = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    for name, content in (
        ("pack.toml", pack),
        ("quality.toml", quality),
        ("rules.json", rules),
        ("story.json", story),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    printed = load(tmp_path)
    assert printed.unsourced == ()
    assert wrong_in(printed) == []
