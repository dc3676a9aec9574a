"""A disk that is really full: refused and told, nothing acknowledged is lost, and the platform goes on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clapas.ops.full_disk import fill_and_free

pytestmark = [pytest.mark.engines, pytest.mark.mounts]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1,200 MB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1200m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


async def test_a_full_disk_refuses_tells_loses_nothing_and_recovers(small_disk: Path) -> None:
    seen = await fill_and_free(small_disk)
    assert (seen.status, seen.refusal["code"]) == (507, "disk_full")
    assert seen.refusal["actor"] == "operator"
    assert "disk" in seen.notices
    assert seen.blocked, "nothing may be acknowledged while it cannot be kept"
    assert seen.report.sound, seen.report
    assert seen.report.acknowledged == seen.report.sent, "what got no receipt was sent again"
