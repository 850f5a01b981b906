"""Keys: one root, found in one place, and what is derived from it."""

from __future__ import annotations

import base64
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Keys, Store
from guarded_agent.store.keys import VARIABLE

KEYS = Keys(bytes(range(32)))


@given(st.binary(), st.binary())
def test_what_is_sealed_opens_in_its_own_context(plain: bytes, context: bytes) -> None:
    assert KEYS.open(KEYS.seal(plain, context=context), context=context) == plain


@given(st.binary(), st.data())
def test_sealed_data_with_one_bit_changed_does_not_open(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(KEYS.seal(plain, context=b"row"))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreError, match="does not open"):
        KEYS.open(bytes(sealed), context=b"row")


def test_sealed_data_moved_to_another_row_does_not_open() -> None:
    with pytest.raises(StoreError, match="does not open"):
        KEYS.open(KEYS.seal(b"x", context=b"row 1"), context=b"row 2")


def test_sealed_data_does_not_open_with_another_key() -> None:
    with pytest.raises(StoreError, match="does not open"):
        Keys.random().open(KEYS.seal(b"x", context=b""), context=b"")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(12), bytes(40)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(StoreError, match="does not open"):
        KEYS.open(sealed, context=b"")


def test_the_same_text_is_sealed_in_other_bytes_each_time() -> None:
    assert KEYS.seal(b"x", context=b"") != KEYS.seal(b"x", context=b"")


@given(st.text())
def test_derived_keys_are_those_of_hkdf(purpose: str) -> None:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    hkdf = HKDF(SHA256(), 32, salt=b"guarded_agent root key", info=purpose.encode())
    assert KEYS.derive(purpose) == hkdf.derive(bytes(range(32)))


def test_a_mac_depends_on_data_and_key() -> None:
    assert KEYS.mac(b"a") == Keys(bytes(range(32))).mac(b"a")
    assert len({KEYS.mac(b"a"), KEYS.mac(b"b"), Keys.random().mac(b"a")}) == 3


def test_keys_show_and_pickle_nothing() -> None:
    assert repr(KEYS) == "Keys(...)"
    with pytest.raises(TypeError):
        pickle.dumps(KEYS)


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "guard.db.key"
    first = Keys.from_file(file, create=True)
    assert Keys.from_file(file, create=True).mac(b"") == first.mac(b"")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


MAKE = """
import pathlib, sys
from guarded_agent.store import Keys
print(Keys.from_file(pathlib.Path(sys.argv[1]), create=True).mac(b""))
"""


def test_processes_that_make_the_key_file_at_once_get_the_same_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKE, str(tmp_path / "key")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    assert len({process.communicate()[0] for process in running}) == 1
    assert [process.returncode for process in running] == [0] * 4
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", ["", "short", "é" * 44, base64.b64encode(bytes(31)).decode()])
def test_a_key_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "key"
    file.write_text(text)
    with pytest.raises(StoreError, match=r"key does not hold a key of 32 bytes.*os\.urandom"):
        Keys.from_file(file, create=True)
    assert file.read_text() == text


def test_a_wrong_key_in_the_environment_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=VARIABLE) as caught:
        Store.open(f"sqlite:///{tmp_path}/guard.db", environ={VARIABLE: "hunter2"})
    assert "hunter2" not in str(caught.value)


def environ(byte: int) -> dict[str, str]:
    return {VARIABLE: base64.b64encode(bytes([byte] * 32)).decode()}


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/guard.db", environ=environ(1)) as store:
        assert store.keys.mac(b"") == Keys(b"\x01" * 32).mac(b"")
    assert not (tmp_path / "guard.db.key").exists()


def test_a_database_opens_only_with_the_key_it_was_made_with(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/guard.db"
    Store.open(url, environ=environ(1)).close()
    with pytest.raises(StoreError, match="made with another key"):
        Store.open(url, environ=environ(2))
    Store.open(url, environ=environ(1)).close()


def test_a_lost_key_file_is_not_silently_replaced(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/guard.db"
    Store.open(url, environ={}).close()
    os.unlink(tmp_path / "guard.db.key")
    with pytest.raises(StoreError, match=r"guard\.db\.key is missing; restore it"):
        Store.open(url, environ={})
    assert not (tmp_path / "guard.db.key").exists()


def test_each_store_in_memory_has_its_own_key(memory_store: Store) -> None:
    with Store.open("sqlite://", environ={}) as other:
        assert other.keys.mac(b"") != memory_store.keys.mac(b"")
