"""A real Slurm on this machine: munged, slurmctld and slurmd in one folder, on loopback alone.

No systemd, no configuration of the machine's own, stopped by process number. Needs root (slurmd
starts jobs as whoever submitted them) and Debian's `slurm-wlm` and `munge`. Also a tool by hand:
`python -m tests.slurm_site FOLDER` runs one until Ctrl-C and prints the SLURM_CONF to export.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["Cluster", "running_cluster", "unavailable"]

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
START_S: Final = 30.0
STOP_S: Final = 30.0
POLL_S: Final = 0.05

CONFIGURATION: Final = """\
ClusterName=atomloop
SlurmctldHost=localhost(127.0.0.1)
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
ReturnToService=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName=node1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8000
"""
PARTITIONS: Final = Path(__file__).resolve().parents[1] / "deploy" / "slurm" / "partitions.conf"
"""What the documentation gives a site for its own slurm.conf."""


def unavailable() -> str | None:
    """Return why no Slurm can be run here, None where one can."""
    if os.geteuid() != 0:
        return "slurm: only root can run slurmd"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"slurm: {', '.join(missing)} not installed"
    if not _name_is_loopback() and not _may_unshare():
        return "slurm: this host's name is not a loopback address, and no namespace can be made"
    return None


@dataclass
class Cluster:
    """One controller, one node, two partitions: `live`, and `urgent` that preempts it.

    Attributes:
        folder: Configuration, state and logs; its path must be short, for the socket in it.
        cpus: Processors that the node claims to have.
    """

    folder: Path
    cpus: int = 2
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def configuration(self) -> Path:
        """The slurm.conf."""
        return self.folder / "slurm.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to talk to this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.configuration)}

    def start(self) -> None:
        """Write the configuration and start everything; returns when the node is idle."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        controller_port, node_port = _free_ports(2)
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder,
                cpus=self.cpus,
                controller_port=controller_port,
                node_port=node_port,
            )
            + PARTITIONS.read_text()
        )
        for name in ("munged", "slurmctld", "slurmd"):
            self.start_daemon(name)
        self.wait_for(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "an idle node")

    def start_daemon(self, name: str) -> None:
        """Start one of `munged`, `slurmctld` and `slurmd`."""
        with (self.folder / f"{name}.out").open("ab") as out:
            self.daemons[name] = subprocess.Popen(
                [*_as_localhost(), *self._command(name)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        if name == "munged":
            self.wait_for((self.folder / "munge.socket").exists, "munge's socket")

    def kill_daemon(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a daemon a signal and wait until it is gone."""
        process = self.daemons.pop(name)
        process.send_signal(number)
        process.wait(STOP_S)

    def stop(self) -> None:
        """Cancel every job, end the daemons, and kill what they leave."""
        with contextlib.suppress(AssertionError, subprocess.SubprocessError):
            self.ask("scancel", "--full", *(job[0] for job in self.jobs()))
            self.wait_for(lambda: not self.jobs(), "the end of all jobs", 10.0)
        for name in [name for name in ("slurmd", "slurmctld", "munged") if name in self.daemons]:
            try:
                self.kill_daemon(name, signal.SIGTERM)
            except subprocess.TimeoutExpired:
                self.daemons[name] = self.daemons.get(name) or self.daemons[name]
        for process in self.daemons.values():
            process.kill()
            process.wait(STOP_S)
        for pid in self.left():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ask(self, *command: str) -> str:
        """Run one of Slurm's commands and return what it prints."""
        answer = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return answer.stdout.strip()

    def jobs(self) -> list[tuple[str, str, str, str]]:
        """Return number, name, state and partition of the jobs that wait or run."""
        lines = self.ask("squeue", "-h", "-o", "%i|%j|%T|%P").splitlines()
        return [(n, name, state, part) for n, name, state, part in (x.split("|") for x in lines)]

    def job_state(self, name: str) -> list[str]:
        """Return the states of the jobs of a name that wait or run."""
        return [job[2] for job in self.jobs() if job[1] == name]

    def listeners(self) -> list[str]:
        """Return the addresses on which this cluster's daemons listen."""
        inodes = {
            link.rpartition("[")[2].rstrip("]")
            for pid in self._members()
            for link in _links(Path(f"/proc/{pid}/fd"))
            if link.startswith("socket:[")
        }
        return [address for address, inode in _listening() if inode in inodes]

    def left(self) -> list[int]:
        """Return the processes of this cluster that still run, jobs included."""
        mark = f"SLURM_CONF={self.configuration}".encode()
        return [pid for pid in _processes() if pid != os.getpid() and mark in _read(pid, "environ")]

    def wait_for(
        self, condition: Callable[[], object], what: str, within_s: float = START_S
    ) -> None:
        """Look again and again until something holds."""
        deadline = time.monotonic() + within_s
        while not condition():
            for name, process in self.daemons.items():
                log = self.folder / f"{name}.out"
                assert process.poll() is None, f"{name} ended: {log.read_text()[-500:]}"
            assert time.monotonic() < deadline, f"no {what} in {within_s:.0f} s"
            pause(POLL_S)

    def _members(self) -> list[int]:
        return [process.pid for process in self.daemons.values()] + self.left()

    def _command(self, name: str) -> Sequence[str]:
        folder = self.folder
        if name == "munged":
            paths = {"key": "munge.key", "socket": "munge.socket", "pid": "munged.pid",
                     "log": "munged.log", "seed": "munged.seed"}  # fmt: skip
            files = [
                f"--{kind if kind == 'socket' else kind + '-file'}={folder / path}"
                for kind, path in paths.items()
            ]
            return ["munged", "--foreground", "--force", *files]
        return [name, "-D", *(["-N", "node1"] if name == "slurmd" else [])]


def pause(seconds: float) -> None:
    """Give the processors to the processes under test."""
    signal.sigtimedwait((), seconds)


@contextlib.contextmanager
def running_cluster(cpus: int = 2) -> Iterator[Cluster]:
    """Run a cluster until the block ends."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder:
        cluster = Cluster(Path(folder), cpus)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _as_localhost() -> list[str]:
    """Return a prefix under which this host's name is a loopback address.

    With NoInAddrAny the daemons bind the address that their own host's name stands for.
    """
    if _name_is_loopback():
        return []
    return ["unshare", "--uts", "sh", "-c", 'hostname localhost && exec "$@"', "sh"]


def _name_is_loopback() -> bool:
    try:
        return ipaddress.ip_address(socket.gethostbyname(socket.gethostname())).is_loopback
    except OSError:
        return False


def _may_unshare() -> bool:
    tried = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False)
    return tried.returncode == 0


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        holders = [stack.enter_context(socket.socket()) for _ in range(count)]
        for holder in holders:
            holder.bind(("127.0.0.1", 0))
        return [holder.getsockname()[1] for holder in holders]


def _listening() -> list[tuple[str, str]]:
    """Return address and inode of every TCP socket that listens on this machine."""
    found = []
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                found.append((_address(fields[1].partition(":")[0], family), fields[9]))
    return found


def _address(hexadecimal: str, family: socket.AddressFamily) -> str:
    """Return an address out of the kernel's table, which writes words in host order."""
    words = [hexadecimal[i : i + 8] for i in range(0, len(hexadecimal), 8)]
    return socket.inet_ntop(family, b"".join(bytes.fromhex(word)[::-1] for word in words))


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _links(folder: Path) -> list[str]:
    found = []
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            with contextlib.suppress(OSError):
                found.append(str(entry.readlink()))
    return found


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


if __name__ == "__main__":
    by_hand = Cluster(Path(sys.argv[1]).absolute(), cpus=4)
    try:
        by_hand.start()
        print(f"export SLURM_CONF={by_hand.configuration}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        by_hand.stop()
