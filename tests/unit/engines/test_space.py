"""Room on the disk: short below the reserve, over at twice the reserve, told once."""

from pathlib import Path

import pytest

from clapas.engines.space import Shortage, Space, space

RESERVE = 100


@pytest.mark.parametrize(
    ("story", "free", "ended"),
    [
        ("always enough", [500, 300, 150], [False, False, False]),
        ("short, then back", [50, 150, 200, 500], [False, False, True, False]),
        ("back and short again", [50, 250, 99, 250], [False, True, False, True]),
        ("never back", [50, 0, 120], [False, False, False]),
    ],
)
def test_a_shortage_ends_once_there_is_twice_the_reserve(
    story: str, free: list[int], ended: list[bool]
) -> None:
    shortage = Shortage()
    assert [shortage.ended(Space(free=each, reserve=RESERVE)) for each in free] == ended, story


def test_the_room_of_a_real_disk_is_read(tmp_path: Path) -> None:
    assert not space(tmp_path, reserve_mb=0).short
    assert space(tmp_path, reserve_mb=1 << 40).short
