"""Failure-state files: replaced whole, readable by all, written in place where they cannot be replaced."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos_engine.adapters import folder
from chaos_engine.adapters.state_file import MOST_BYTES, StateFiles
from chaos_engine.adapters.whole_files import LITTER_AFTER

STATE = {"mode": "slow", "delay": 15, "timestamp": 1.5, "injected_by": "test"}


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o077)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_it_is_readable_by_every_user_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    StateFiles().write(path, STATE)
    assert json.loads(path.read_text()) == STATE
    assert mode(path) == 0o644


def test_it_is_replaced_and_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    files = StateFiles(lambda _: pytest.fail("there is nothing to warn of"))
    files.write(path, {"mode": "crash"})
    with path.open() as old:
        files.write(path, STATE)
        assert json.load(old) == {"mode": "crash"}  # who had it open sees the old one whole
    assert files.read(path) == STATE
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    StateFiles().write(path, STATE)
    full = OSError(errno.ENOSPC, "no space left on device")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="no space"):
        StateFiles().write(path, {"mode": "crash"})
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
    assert json.loads(path.read_text()) == STATE


def test_what_a_killed_write_left_is_swept_by_a_later_one(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    old, young, other = (tmp_path / name for name in (".state.json.a", ".state.json.b", ".hidden"))
    for file in (old, young, other):
        file.touch()
    for file in (old, other):
        os.utime(file, (time.time() - LITTER_AFTER - 1,) * 2)
    StateFiles().write(path, STATE)
    assert {file.name for file in tmp_path.iterdir()} == {"state.json", ".state.json.b", ".hidden"}


def test_a_file_that_cannot_be_renamed_over_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"mode": "slow", "note": "long " * 100}))
    inode = path.stat().st_ino
    busy = OSError(errno.EBUSY, "device or resource busy")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(busy))
    warned: list[str] = []
    files = StateFiles(warned.append)
    for state in (STATE, {"mode": "healthy"}, STATE):
        files.write(path, state)
        assert json.loads(path.read_text()) == state
    assert path.stat().st_ino == inode
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
    assert len(warned) == 1
    assert str(path) in warned[0]


BIND = """
touch "$1/file" && echo '{"mode": "slow", "padding": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}' > "$1/file"
mount --bind "$1/file" "$1/app/state.json" && exec "$2" -c '
import sys; from pathlib import Path; from chaos_engine.adapters.state_file import StateFiles
path = Path(sys.argv[1]); files = StateFiles(print)
[files.write(path, {"mode": "crash"}) for _ in range(2)]
assert files.read(path) == {"mode": "crash"}, files.read(path)
' "$1/app/state.json"
"""  # noqa: E501


def can_mount() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.run([unshare, "-m", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="may not make a mount namespace")
def test_a_real_bind_mount_of_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "state.json").touch()
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", BIND, "sh", str(tmp_path), sys.executable],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "permission denied" in run.stderr.lower():
        pytest.skip("may not mount here")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("written in place") == 1
    assert json.loads((tmp_path / "file").read_text()) == {"mode": "crash"}
    assert [p.name for p in (tmp_path / "app").iterdir()] == ["state.json"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        StateFiles().write(tmp_path / "gone" / "state.json", STATE)


def test_no_reader_ever_sees_half_a_state(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    script = (
        "import sys; from pathlib import Path; from chaos_engine.adapters.state_file import StateFiles\n"
        "f = StateFiles(); [f.write(Path(sys.argv[1]), {'mode': 'slow', 'pad': 'x' * (n % 7) * 999})"
        " for n in range(150)]"
    )
    StateFiles().write(path, STATE)
    with subprocess.Popen([sys.executable, "-c", script, str(path)]) as writer:
        while writer.poll() is None:
            assert json.loads(path.read_bytes())["mode"] == "slow"
    assert writer.returncode == 0


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'"slow"', b"null", b"\xff\xfe", b"[" * 9000, b'{"a":"' + b"x" * MOST_BYTES + b'"}'],
    ids=["empty", "torn", "list", "text", "null", "binary", "deep", "large"],
)
def test_what_is_no_state_reads_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(content)
    assert StateFiles().read(path) == {}
    assert StateFiles().read(tmp_path / "missing") is None
    assert StateFiles().read(tmp_path) is None


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        StateFiles().write(tmp_path / "state.json", {"delay": float("nan")})
    assert list(tmp_path.iterdir()) == []


# --- where it may be written ----------------------------------------------------------------


def test_why_a_state_file_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = folder.state_file_refusal
    assert refusal(tmp_path / "state.json") is None
    assert list(tmp_path.iterdir()) == []
    assert "gone' does not exist" in str(refusal(tmp_path / "gone" / "state.json"))
    assert "is a folder; allowed: a file" in str(refusal(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).is_file())  # root may write anywhere
    assert f"cannot be written by user {os.getuid()}" in str(refusal(tmp_path / "state.json"))
    (tmp_path / "state.json").touch()
    assert refusal(tmp_path / "state.json") is None  # in place


def test_a_lock_is_held_once_and_says_by_whom(tmp_path: Path) -> None:
    lock = folder.FolderLock(tmp_path)
    assert folder.is_held(tmp_path)
    with pytest.raises(folder.HeldError, match=f"pid {os.getpid()} on "):
        folder.FolderLock(tmp_path)
    lock.release()
    assert not folder.is_held(tmp_path)
    folder.FolderLock(tmp_path).release()


def test_a_look_at_the_lock_does_not_keep_an_engine_out(tmp_path: Path) -> None:
    folder.FolderLock(tmp_path).release()
    with (tmp_path / folder.LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.05, lambda: fcntl.flock(looking, fcntl.LOCK_UN)).start()
        folder.FolderLock(tmp_path).release()


def test_the_sign_of_life(tmp_path: Path) -> None:
    assert folder.heartbeat_age(tmp_path, 0.0) is None
    folder.beat(tmp_path)
    age = folder.heartbeat_age(tmp_path, (tmp_path / folder.HEARTBEAT).stat().st_mtime + 5)
    assert age == pytest.approx(5, abs=0.01)
    folder.beat(tmp_path / "gone")  # must not end an engine
