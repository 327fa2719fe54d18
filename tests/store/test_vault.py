from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from sidecar.clock import SystemClock
from sidecar.errors import SecretsLocked, UserError
from sidecar.model import Secret
from sidecar.store import copies
from sidecar.store.db import Store, connect
from sidecar.store.keys import FILE, Keys, find_keys, make_key, write_keys
from sidecar.store.vault import Vault, open_vault, rotate

CANARY = "KEY-CANARY-123"


def vault_of(store: Store, environ: dict[str, str] | None = None) -> Vault:
    return open_vault(store, find_keys(store.path.parent, environ or {}), SystemClock())


def seal(store: Store, name: str = "trakt:ann", value: str = CANARY, environ: dict[str, str] | None = None) -> None:
    vault = vault_of(store, environ)
    with store.write() as db:
        vault.put(db, name, Secret(value))


def opened(store: Store, name: str = "trakt:ann", environ: dict[str, str] | None = None) -> str | None:
    vault = vault_of(store, environ)
    with store.read() as db:
        found = vault.get(db, name)
    return found.reveal() if found else None


def test_a_secret_comes_back(store: Store) -> None:
    seal(store)
    assert opened(store) == CANARY
    assert opened(store, "trakt:ben") is None


def test_no_file_holds_a_secret_in_clear(store: Store, folder: Path, tmp_path: Path) -> None:
    seal(store)
    copies.backup(folder, tmp_path / "copy.db")
    files = [*folder.iterdir(), tmp_path / "copy.db"]
    assert any(path.name.endswith("-wal") for path in files)
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []


def test_the_first_key_is_private_and_made_once(store: Store, folder: Path) -> None:
    vault_of(store)
    first = (folder / FILE).read_bytes()
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    vault_of(store)
    assert (folder / FILE).read_bytes() == first


def test_without_its_key_a_full_vault_is_locked_and_no_key_is_made(store: Store, folder: Path) -> None:
    seal(store)
    (folder / FILE).unlink()
    vault = vault_of(store)
    assert vault.locked
    with pytest.raises(SecretsLocked, match=r"Secrets locked\.") as caught, store.write() as db:
        vault.put(db, "trakt:ann", Secret("other"))
    assert "nothing was changed" in caught.value.next_step
    assert not (folder / FILE).exists()


def test_with_another_key_the_vault_is_locked_and_overwrites_nothing(store: Store, folder: Path) -> None:
    seal(store)
    right = (folder / FILE).read_bytes()
    write_keys(folder / FILE, (make_key(),))
    vault = vault_of(store)
    assert "another key" in vault.locked
    with store.write() as db:
        with pytest.raises(SecretsLocked):
            vault.put(db, "trakt:ben", Secret("x"))
        with pytest.raises(SecretsLocked):
            vault.get(db, "trakt:ann")
    (folder / FILE).write_bytes(right)
    assert opened(store) == CANARY


def test_a_secret_cannot_be_moved_to_another_name(store: Store) -> None:
    seal(store)
    with store.write() as db:
        db.execute("UPDATE secret SET name = 'trakt:mallory' WHERE name = 'trakt:ann'")
    with pytest.raises(SecretsLocked, match="trakt:mallory"):
        opened(store, "trakt:mallory")


def test_opened_secrets_and_keys_are_told_to_the_redaction(store: Store, folder: Path) -> None:
    seal(store)
    told: list[str] = []
    vault = open_vault(store, find_keys(folder, {}), SystemClock(), told.append)
    with store.read() as db:
        vault.get(db, "trakt:ann")
    assert told == [(folder / FILE).read_text().strip(), CANARY]


def test_rotation_seals_everything_with_a_new_key(store: Store, folder: Path) -> None:
    seal(store)
    seal(store, "account:1", "second")
    before = (folder / FILE).read_text()
    assert rotate(store, find_keys(folder, {}), SystemClock()) == 3
    assert (folder / FILE).read_text() != before
    assert len((folder / FILE).read_text().splitlines()) == 1
    assert (opened(store), opened(store, "account:1")) == (CANARY, "second")


class Crash(BaseException):
    pass


@pytest.mark.parametrize("moment", range(4))
def test_a_crash_at_any_moment_of_a_rotation_orphans_nothing(
    store: Store, folder: Path, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal(store)
    steps: Iterator[int] = iter(range(10))

    def crash_at(function: object) -> object:
        def call(*arguments: object) -> object:
            if next(steps) == moment:
                raise Crash
            outcome = function(*arguments)  # type: ignore[operator]
            if next(steps) == moment:
                raise Crash
            return outcome

        return call

    with monkeypatch.context() as patched:
        patched.setattr("sidecar.store.vault.write_keys", crash_at(write_keys))
        patched.setattr(Vault, "reseal", crash_at(Vault.reseal))
        with pytest.raises(Crash):
            rotate(store, find_keys(folder, {}), SystemClock())
    assert opened(store) == CANARY
    rotate(store, find_keys(folder, {}), SystemClock())
    assert opened(store) == CANARY


def test_rotation_with_the_wrong_key_changes_nothing(store: Store, folder: Path) -> None:
    seal(store)
    write_keys(folder / FILE, (make_key(),))
    before = (folder / FILE).read_bytes()
    with pytest.raises(SecretsLocked):
        rotate(store, find_keys(folder, {}), SystemClock())
    assert (folder / FILE).read_bytes() == before


def test_a_key_of_the_environment_is_rotated_by_its_owner(store: Store, folder: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    seal(store, environ={"SIDETRAKT_KEY": old})
    rotate(store, find_keys(folder, {"SIDETRAKT_KEY": f"{new},{old}"}), SystemClock())
    assert opened(store, environ={"SIDETRAKT_KEY": new}) == CANARY
    assert not (folder / FILE).exists()


def test_keys_are_looked_for_in_order(folder: Path, tmp_path: Path) -> None:
    here, named, inside = (Fernet.generate_key().decode() for _ in range(3))
    elsewhere = tmp_path / "key"
    write_keys(elsewhere, (Secret(named),))
    write_keys(folder / FILE, (Secret(inside),))
    everywhere = {"SIDETRAKT_KEY": here, "SIDETRAKT_KEY_FILE": str(elsewhere)}
    found = []
    for _ in range(3):
        found.append(find_keys(folder, everywhere).keys[0].reveal())
        everywhere.pop(next(iter(everywhere), ""), None)
    assert found == [here, named, inside]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(folder: Path, mode: int) -> None:
    write_keys(folder / FILE, (make_key(),))
    (folder / FILE).chmod(mode)
    with pytest.raises(UserError, match="can be read by others") as caught:
        find_keys(folder, {})
    assert "chmod 600" in caught.value.next_step


@pytest.mark.parametrize("content", ["", "\n\n", "short", "x" * 44, "ä" * 44])
def test_a_file_without_a_usable_key_is_refused_and_left_alone(folder: Path, content: str) -> None:
    (folder / FILE).write_text(content)
    (folder / FILE).chmod(0o600)
    with pytest.raises(UserError):
        find_keys(folder, {})
    assert (folder / FILE).read_text() == content


def test_a_named_key_file_that_is_missing_is_not_made(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not there"):
        find_keys(folder, {"SIDETRAKT_KEY_FILE": str(tmp_path / "gone")})
    assert list(folder.iterdir()) == []


def test_no_key_and_an_empty_vault_is_no_error(folder: Path) -> None:
    assert find_keys(folder, {}) == Keys((), "none", folder / FILE)


def test_a_damaged_row_is_told_from_a_wrong_key(store: Store) -> None:
    seal(store)
    connection = connect(store.path)
    connection.execute("UPDATE secret SET sealed = x'00112233' WHERE name = 'trakt:ann'")
    connection.close()
    assert not vault_of(store).locked
    with pytest.raises(SecretsLocked, match="cannot be opened"):
        opened(store)
