"""Hosts as network namespaces, each with a cable to one switch. Linux, as root.

What a program in one of them sees is what it would see on a machine of its own: its address, its
host name, and silence when its cable is pulled.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.places import ROOT

CENTRE = "10.213.77.1"
"""Address of the centre, which is the switch too."""
_STOP_SECONDS = 20
_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h; Python has it from 3.12 on


class NotPermitted(Exception):
    """This machine does not let us make hosts, or lacks a program; the message says which."""


def demand(*programs: str) -> None:
    """See that we may make namespaces and that those programs are there.

    Raises:
        NotPermitted: when not.
    """
    if os.geteuid() != 0:
        raise NotPermitted("network namespaces need root")
    missing = [name for name in ("ip", "unshare", *programs) if shutil.which(name) is None]
    if missing:
        raise NotPermitted(f"not installed: {', '.join(missing)}")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotPermitted(f"`{' '.join(command)}` failed: {done.stderr.strip()}")


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host.

    Attributes:
        name: what `hostname` says there.
        space: its network namespace.
        plug: the end of its cable at the switch; None for the centre.
    """

    name: str
    address: str
    space: str
    plug: str | None = None

    def command(self, *command: str) -> list[str]:
        """A command line that runs there; the process it starts becomes that command."""
        named = ("unshare", "--uts", "sh", "-c", f'hostname {self.name} && exec "$@"', "sh")
        return ["ip", "netns", "exec", self.space, *named, *command]


@dataclass(frozen=True)
class Network:
    """The centre and the hosts around it."""

    centre: Host
    around: Sequence[Host]

    def pull(self, host: Host) -> None:
        """Pull its cable: from now on there is silence, no FIN and no RST."""
        _run("ip", "-n", self.centre.space, "link", "set", str(host.plug), "down")

    def plug_in(self, host: Host) -> None:
        """Plug it in again."""
        _run("ip", "-n", self.centre.space, "link", "set", str(host.plug), "up")


@contextmanager
def network(*names: str) -> Iterator[Network]:
    """A centre and hosts of those names; gone afterwards, whatever happened.

    Raises:
        NotPermitted: when this machine does not allow it. Nothing is left then.
    """
    made = f"sr{os.getpid()}"
    centre = Host(name="centre", address=CENTRE, space=f"{made}-centre")
    around = [
        Host(
            name=name,
            address=CENTRE[:-1] + str(number),
            space=f"{made}-{name}",
            plug=f"{made}p{number}",
        )
        for number, name in enumerate(names, 2)
    ]
    try:
        _lay(centre, around)
        yield Network(centre, around)
    finally:
        for host in (centre, *around):  # its links and addresses end with it
            subprocess.run(["ip", "netns", "del", host.space], capture_output=True, check=False)


def _lay(centre: Host, around: Sequence[Host]) -> None:
    for host in (centre, *around):
        _run("ip", "netns", "add", host.space)
        _run("ip", "-n", host.space, "link", "set", "lo", "up")
    switch = ("ip", "-n", centre.space)
    _run(*switch, "link", "add", "switch", "type", "bridge")
    _run(*switch, "address", "add", f"{centre.address}/24", "dev", "switch")
    _run(*switch, "link", "set", "switch", "up")
    for host in around:
        plug = str(host.plug)
        _run(
            *switch,
            "link",
            "add",
            plug,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            host.space,
        )
        _run(*switch, "link", "set", plug, "master", "switch")
        _run(*switch, "link", "set", plug, "up")
        _run("ip", "-n", host.space, "address", "add", f"{host.address}/24", "dev", "eth0")
        _run("ip", "-n", host.space, "link", "set", "eth0", "up")


@contextmanager
def standing_at(host: Host) -> Iterator[None]:
    """Use that host's network in this thread, and in what it starts, while the context lasts."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        Path("/proc/thread-self/ns/net").open() as here,
        Path(f"/run/netns/{host.space}").open() as there,
    ):
        if libc.setns(there.fileno(), _NETWORK):
            raise NotPermitted(
                f"joining a network namespace failed: {os.strerror(ctypes.get_errno())}"
            )
        try:
            yield
        finally:
            libc.setns(here.fileno(), _NETWORK)


@asynccontextmanager
async def running(
    host: Host,
    *command: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program on a host, its output in a file, stopped afterwards by its pid.

    Args:
        user: whom it runs as; None is root.
    """
    as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups") if user else ()
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *host.command(*as_user, *command),
            cwd=ROOT if user is None else "/",
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
