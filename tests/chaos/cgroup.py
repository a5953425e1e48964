"""A control group that bounds the memory of some processes: version 2, or 1 where the memory controller is there."""

import os
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup")


def create(name, memory_bytes):
    """A group, or why there is none."""
    name = f"{name}-{os.getpid()}"
    controllers = ROOT / "cgroup.controllers"
    try:
        if controllers.exists() and "memory" in controllers.read_text().split():
            return Version2(ROOT / name, memory_bytes)
        if (ROOT / "memory").is_dir():
            return Version1(ROOT / "memory" / name, memory_bytes)
    except OSError as error:
        return f"a control group cannot be made here: {error}"
    return "this machine has no control groups for memory"


class Version2:
    kind = "cgroup v2"

    def __init__(self, path, memory_bytes):
        self.path = path
        (ROOT / "cgroup.subtree_control").write_text("+memory")
        path.mkdir()
        (path / "memory.max").write_text(str(memory_bytes))

    def add(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def kill_count(self):
        return _field(self.path / "memory.events", "oom_kill")

    def peak_bytes(self):
        return int((self.path / "memory.peak").read_text())

    def remove(self):
        _remove(self.path)


class Version1:
    kind = "cgroup v1"

    def __init__(self, path, memory_bytes):
        self.path = path
        path.mkdir()
        (path / "memory.limit_in_bytes").write_text(str(memory_bytes))

    def add(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def kill_count(self):
        return _field(self.path / "memory.oom_control", "oom_kill")

    def peak_bytes(self):
        return int((self.path / "memory.max_usage_in_bytes").read_text())

    def remove(self):
        _remove(self.path)


def _field(path, name):
    for line in path.read_text().splitlines():
        word, value = line.split()
        if word == name:
            return int(value)
    raise KeyError(f"{path} has no {name}")


def _remove(path):
    """The processes in it may take a moment to be gone."""
    for _ in range(100):
        try:
            return path.rmdir()
        except OSError:
            time.sleep(0.05)
