"""Make .venv ready and run a command from it. Standard library only.

Usage: bootstrap.py LEVEL COMMAND [ARGUMENT...]

LEVEL says what .venv must hold: `demo` the package with every extra, `test` the
tests' tools as well, `dev` the linters and the documentation too. What is ready
stays ready: a second run installs nothing and needs no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "ready.json"
LOG = VENV / "bootstrap.log"

LEVELS = {
    "demo": ["-e", ".[all]"],
    "test": ["-e", ".[all]", "--group", "test"],
    "dev": ["-e", ".[all]", "--group", "dev"],
}
"""What each level installs; each holds the ones before it."""


class Failed(Exception):
    """A step failed; the message says what to do."""


def main(arguments: Sequence[str]) -> int:
    """Prepare .venv, then run the command in place of this program."""
    if len(arguments) < 2 or arguments[0] not in LEVELS:
        print(__doc__, file=sys.stderr)
        return 2
    level, name, *rest = arguments
    try:
        with one_at_a_time():
            if not is_ready(level):
                prepare(level)
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    environ = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    environ["PATH"] = os.pathsep.join([str(BIN), environ.get("PATH", os.defpath)])
    environ.pop("PYTHONHOME", None)
    command = [str(BIN / name) if (BIN / name).exists() else name, *rest]
    sys.stdout.flush()
    if os.name != "nt":
        os.execvpe(command[0], command, environ)  # signals reach the command itself
    return subprocess.call(command, env=environ)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Let one process at a time prepare this checkout."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wanted() -> str:
    """Return a digest of all that decides what belongs into .venv."""
    parts = [str(ROOT), sys.version]
    parts += [(ROOT / name).read_text() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_ready(level: str) -> bool:
    """Tell whether .venv holds at least `level`, as the files of now ask for it."""
    linked = all((ROOT / "guarded_agent" / room).is_dir() for room in ("guards", "tools"))
    if not (linked and PYTHON.exists()):
        return False
    try:
        stamp = json.loads(STAMP.read_text())
        levels = list(LEVELS)
        return stamp["wanted"] == wanted() and levels.index(stamp["level"]) >= levels.index(level)
    except (OSError, ValueError, KeyError):
        return False


def prepare(level: str) -> None:
    """Create .venv, bring pip up to date, install."""
    version = ".".join(map(str, sys.version_info[:3]))
    say(f"Setting up .venv for {ROOT.name} with Python {version} (once; it needs the network)")
    if not can_run_pip():
        say("1/3 making .venv")
        make_venv()
    else:
        say("1/3 .venv is there")
    STAMP.unlink(missing_ok=True)
    LOG.write_text("")
    pip = [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    say("2/3 updating pip")
    run([*pip, "--upgrade", "pip>=25.1"])
    say(f"3/3 installing packages for: {level} (a minute or two)")
    run([*pip, "-c", "constraints.txt", *LEVELS[level]])
    STAMP.write_text(json.dumps({"wanted": wanted(), "level": level}))
    say("Ready.\n")


def can_run_pip() -> bool:
    """Tell whether .venv has a working Python of this version, with pip."""
    probe = "import sys, pip; print(*sys.version_info[:2])"
    with suppress(OSError):
        answer = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True)
        return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]
    return False


def make_venv() -> None:
    """Create .venv, also where Debian keeps the bundled pip in a package of its own."""
    if VENV.exists() and not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
        raise Failed(f"{VENV} is in the way: it is no virtual environment. Move it, try again.")
    plain = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(plain, capture_output=True).returncode == 0:
        return
    bare = subprocess.run([*plain, "--without-pip"], capture_output=True, text=True)
    # pip can install into another interpreter since 22.3.
    lend = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "pip"]
    if bare.returncode or subprocess.run(lend, capture_output=True).returncode:
        version = ".".join(map(str, sys.version_info[:2]))
        raise Failed(
            f"Python {version} could not make a virtual environment. {bare.stderr.strip()}\n"
            f"On Debian and Ubuntu: apt-get install python{version}-venv (or python3-venv)"
        )


def run(command: Sequence[str]) -> None:
    """Run a step quietly; where it fails, show the end of its log."""
    with LOG.open("a") as log:
        code = subprocess.call(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    if code:
        tail = "\n".join(f"    {line}" for line in LOG.read_text().splitlines()[-15:])
        raise Failed(
            f"{tail}\n\nThat step failed. The whole log is in {LOG}.\n"
            "If a package could not be fetched, check the network and pip's settings, then run "
            "the same command again: what is there already is kept."
        )


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
