from pathlib import Path

import pytest

from sidecar.errors import UserError
from sidecar.store.folder import network_kind, prepare

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/share /mnt/nas nfs4 rw 0 0
//nas/files /mnt/my\\040files cifs rw 0 0
/dev/sdb1 /mnt/nas/really/local ext4 rw 0 0
tmpfs /tmp tmpfs rw 0 0
short line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/data", ""),
        ("/mnt/nas", "nfs4"),
        ("/mnt/nas/deep/inside", "nfs4"),
        ("/mnt/nasty", ""),
        ("/mnt/my files/data", "cifs"),
        ("/mnt/nas/really/local/data", ""),
    ],
)
def test_a_network_drive_is_recognised(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert network_kind(Path(folder), mounts) == kind


def test_a_network_drive_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs rw 0 0\n")
    with pytest.raises(UserError, match="network drive") as caught:
        prepare(tmp_path / "data", mounts)
    assert "local disk" in caught.value.next_step
    assert not (tmp_path / "data").exists()


def test_a_system_that_does_not_tell_is_trusted(tmp_path: Path) -> None:
    assert network_kind(tmp_path, tmp_path / "no such file") == ""


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(UserError, match="is a file"):
        prepare(tmp_path / "data")
    with pytest.raises(UserError, match="cannot be made"):
        prepare(tmp_path / "data" / "below")
