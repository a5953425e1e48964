"""A control group that bounds the memory and the processor time of some processes: version 2, or 1 where the
memory controller is there."""

import os
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
PERIOD_US = 100_000


def create(name, memory_bytes, cores):
    """A group, or why there is none."""
    name = f"{name}-{os.getpid()}"
    controllers = ROOT / "cgroup.controllers"
    try:
        if controllers.exists() and {"memory", "cpu"} <= set(controllers.read_text().split()):
            return Version2(ROOT / name, memory_bytes, cores)
        if (ROOT / "memory").is_dir() and (ROOT / "cpu").is_dir():
            return Version1(name, memory_bytes, cores)
    except OSError as error:
        return f"a control group cannot be made here: {error}"
    return "this machine has no control groups for memory and processor time"


class Version2:
    kind = "cgroup v2"

    def __init__(self, path, memory_bytes, cores):
        self.path = path
        (ROOT / "cgroup.subtree_control").write_text("+memory +cpu")
        path.mkdir()
        (path / "memory.max").write_text(str(memory_bytes))
        (path / "cpu.max").write_text(f"{int(cores * PERIOD_US)} {PERIOD_US}")

    def add(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def lift_cpu(self):
        (self.path / "cpu.max").write_text("max")

    def kill_count(self):
        return _field(self.path / "memory.events", "oom_kill")

    def peak_bytes(self):
        return int((self.path / "memory.peak").read_text())

    def remove(self):
        _remove([self.path])


class Version1:
    kind = "cgroup v1"

    def __init__(self, name, memory_bytes, cores):
        self.memory = ROOT / "memory" / name
        self.cpu = ROOT / "cpu" / name
        self.memory.mkdir()
        self.cpu.mkdir()
        (self.memory / "memory.limit_in_bytes").write_text(str(memory_bytes))
        (self.cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (self.cpu / "cpu.cfs_quota_us").write_text(str(int(cores * PERIOD_US)))

    def add(self, pid):
        for path in (self.memory, self.cpu):
            (path / "cgroup.procs").write_text(str(pid))

    def lift_cpu(self):
        (self.cpu / "cpu.cfs_quota_us").write_text("-1")

    def kill_count(self):
        return _field(self.memory / "memory.oom_control", "oom_kill")

    def peak_bytes(self):
        return int((self.memory / "memory.max_usage_in_bytes").read_text())

    def remove(self):
        _remove([self.memory, self.cpu])


def _field(path, name):
    for line in path.read_text().splitlines():
        word, value = line.split()
        if word == name:
            return int(value)
    raise KeyError(f"{path} has no {name}")


def _remove(paths):
    """The processes in it may take a moment to be gone."""
    for path in paths:
        for _ in range(100):
            try:
                path.rmdir()
                break
            except OSError:
                time.sleep(0.05)
