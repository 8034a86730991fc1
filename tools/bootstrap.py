#!/usr/bin/env python3
"""Build ``.venv``: the newest fitting Python, the hashed lock, and lagmark itself, editable.

Runs under whatever ``python3`` starts it (3.6 or newer), so it uses no newer syntax and nothing but
the standard library. Run again, it does nothing unless the lock, the project file or the place of
the folder changed. A stamp inside ``.venv`` is taken away first and written last, so that an
interrupted run is never mistaken for a good one; a file lock makes a second run wait for the first.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

VERSIONS = ((3, 13), (3, 12), (3, 11))
LOCK = os.path.join("requirements", "dev.lock")
PROBE = (
    "import sys, venv, ensurepip, ssl, sqlite3, ctypes;"
    "print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', '') or sys.executable)"
)
# Settings of the caller that would send the packages somewhere else than into the new environment.
DIVERTING = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")


class SetupError(Exception):
    """A set-up that cannot go on, with the reason and what to do."""


def candidates(version, environ):
    """Paths that may hold an interpreter of one version, best first."""
    name = "python%d.%d" % version
    folders = environ.get("PATH", "").split(os.pathsep)
    home = environ.get("HOME", os.path.expanduser("~"))
    roots = [environ.get("PYENV_ROOT", ""), os.path.join(home, ".pyenv")]
    for root in filter(None, roots):
        folders += sorted(glob.glob(os.path.join(root, "versions", "%d.%d*" % version, "bin")))[
            ::-1
        ]
    folders += sorted(glob.glob(os.path.join(home, ".local/share/uv/python", "*", "bin")))[::-1]
    names = [os.path.join(folder, name) for folder in folders if folder]
    # A plain `python3` may be of any version; the probe finds out which.
    names += [os.path.join(folder, "python3") for folder in folders if folder]
    return [path for path in dict.fromkeys(names) if os.access(path, os.X_OK)]


def probe(path):
    """Version and real executable behind a path, or None when it cannot make environments."""
    environ = {k: v for k, v in os.environ.items() if k not in DIVERTING}
    try:
        done = subprocess.run(
            [path, "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            env=environ,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.decode("utf-8", "replace").strip().split(" ", 1)
    if done.returncode != 0 or len(words) != 2:
        return None
    version = tuple(int(part) for part in words[0].split("."))
    return version, words[1]


def find_python(environ, versions=VERSIONS):
    """Newest interpreter among ``versions`` that runs and has venv and ensurepip."""
    probed = {}
    for version in versions:
        for path in candidates(version, environ):
            if path not in probed:
                probed[path] = probe(path)
            found = probed[path]
            if found is not None and found[0] == version:
                return found[1]
    wanted = ", ".join("%d.%d" % version for version in versions)
    raise SetupError(
        "no Python of version %s was found that runs and has the modules venv, ensurepip, ssl and\n"
        "sqlite3. Looked on PATH, in ~/.pyenv/versions and in ~/.local/share/uv/python.\n"
        "Install one (on Debian and Ubuntu also its python3-venv package), or name it:\n"
        "    make setup PYTHON=/path/to/python3.12" % wanted
    )


def digest(root, names):
    """SHA-256 over the content of files, by name."""
    total = hashlib.sha256()
    for name in names:
        with open(os.path.join(root, name), "rb") as handle:
            content = handle.read()
        total.update(("%s %d\n" % (name, len(content))).encode())
        total.update(content)
    return total.hexdigest()


def stamp_lines(root, venv):
    """What a finished environment was made of: its packages, its project file, its place."""
    return {
        "packages": digest(root, [LOCK, os.path.join("tools", "bootstrap.py")]),
        "project": digest(root, ["pyproject.toml"]),
        "place": os.path.realpath(venv),
    }


def read_stamp(path):
    """Content of a stamp file; empty when there is none."""
    try:
        with open(path, encoding="utf-8") as handle:
            return dict(line.rstrip("\n").split(" ", 1) for line in handle if " " in line)
    except OSError:
        return {}


def write_stamp(path, lines):
    """Write a stamp whole or not at all."""
    with open(path + ".part", "w", encoding="utf-8") as handle:
        handle.writelines("%s %s\n" % item for item in sorted(lines.items()))
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(path + ".part", path)


@contextmanager
def exclusive(path):
    """Hold a lock that the kernel lets go when this process and its children end, however they end.

    Children inherit it, so that a pip that outlives a killed set-up is waited for.
    """
    import fcntl

    with open(path, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("setup: another set-up is at work in this folder, waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def run(lock, root, *command):
    """Run one command, which inherits the lock, and stop with its name when it fails."""
    environ = {k: v for k, v in os.environ.items() if k not in DIVERTING}
    done = subprocess.run(command, cwd=root, env=environ, pass_fds=(lock,), check=False)
    if done.returncode != 0:
        raise SetupError("`%s` ended with status %d" % (" ".join(command), done.returncode))


def setup(lock, root, wanted_python=""):
    """Bring ``.venv`` under ``root`` up to date; True when something was done."""
    venv = os.path.join(root, ".venv")
    python = os.path.join(venv, "bin", "python")
    stamp = os.path.join(venv, ".lagmark-stamp")
    want, have = stamp_lines(root, venv), read_stamp(stamp)
    living = probe(python)
    alive = living is not None
    if wanted_python and alive:
        named = probe(wanted_python)
        alive = named is not None and named[0] == living[0]
    if have == want and alive:
        return False
    if os.path.lexists(stamp):
        os.remove(stamp)
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "-qq")
    same_packages = all(have.get(key) == want[key] for key in ("packages", "place"))
    if not (alive and same_packages):
        base = wanted_python or find_python(os.environ)
        found = probe(base)
        if found is None or found[0] not in VERSIONS:
            raise SetupError("%s is no Python 3.11-3.13 with venv and ensurepip" % base)
        base = found[1]
        print("setup: making .venv with %s (Python %d.%d)" % ((base, *found[0])), flush=True)
        shutil.rmtree(venv, ignore_errors=True)
        run(lock, root, base, "-m", "venv", venv)
        print("setup: installing the locked packages, one to two minutes", flush=True)
        # Modules are compiled when first imported: most never are, and compiling takes pip as long
        # as everything else. Wheels only: what builds a source package would not be hashed.
        locked = ("--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", LOCK)
        run(lock, root, *pip, "--no-compile", *locked)
    print("setup: installing lagmark, editable", flush=True)
    run(lock, root, *pip, "--no-deps", "--no-build-isolation", "--editable", ".")
    write_stamp(stamp, want)
    return True


def main():
    """Entry point; the exit status is 0 only when ``.venv`` is good."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    start = time.monotonic()
    try:
        with exclusive(os.path.join(root, ".setup.lock")) as lock:
            changed = setup(lock, root, os.environ.get("PYTHON", ""))
    except SetupError as error:
        print("setup: %s" % error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again, it starts afresh", file=sys.stderr)
        return 130
    if changed:
        print("setup: done in %.0f s" % (time.monotonic() - start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
