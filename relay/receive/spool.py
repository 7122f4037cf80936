"""The spool: where postbacks wait on local disk while Redis is away. SQLite, write-ahead log, full sync.

The web processes of one host share it through the data folder. While a marker file stands it holds something,
and whatever arrives goes behind it; any one of them drains it.

Where replicas are asked for, what the journal has but they do not stays in a second table, `kept`: a failover
may lose it, and it is recorded once more. It counts in the journal, and no longer among what waits here.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from relay.errors import SpoolFull
from relay.journal import codec
from relay.journal.batch import Batcher
from relay.journal.mentions import Address
from relay.journal.records import BookEntry, Receipt, Recording, Status
from relay.journal.vault import Vault

log: Final = structlog.get_logger()

_VERSION: Final = 1
_COLUMNS: Final = """
    id TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    copy TEXT NOT NULL,
    email TEXT NOT NULL,
    copies INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL,
    recording TEXT NOT NULL,
    blob BLOB NOT NULL
"""
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS spooled ({_COLUMNS}, UNIQUE (source, copy)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept ({_COLUMNS}) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS copied (first TEXT, id TEXT, PRIMARY KEY (first, id)) WITHOUT ROWID;
"""
_BUSY_MS: Final = 5_000
_LARGE: Final = 4 * 1024 * 1024
"""Bytes. A smaller file is kept, so that the next outage finds the room taken already; a larger batch might
take the journal longer than its deadline."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A recording as it waits, how many copies of it came since, and under which ids: the journal may have
    heard of some, and only been slow to say so.
    """

    recording: Recording
    copies: int
    copied: tuple[str, ...] = ()


class Spool:
    """`vault` seals what waits. `most_pages` of 4 KiB bound the file; None leaves that to the disk."""

    def __init__(self, folder: Path, *, vault: Vault | None = None, most_pages: int | None = None) -> None:
        self._vault = vault or Vault()
        self._folder = folder
        self._file = folder / "spool.db"
        self._marker = folder / "spool.pending"
        self._lock = folder / "spool.lock"
        self._most_pages = most_pages
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")
        self._connection: sqlite3.Connection | None = None
        self._undeleted: dict[str, int] = {}
        self._puts: Batcher[Recording, Receipt] = Batcher(self._flush)

    @property
    def pending(self) -> bool:
        """Whether something waits. One look at a folder, since every postback asks."""
        return os.path.exists(self._marker)  # noqa: PTH110 - a third of what Path.exists costs

    async def put(self, recording: Recording) -> Receipt:
        """Keeps a postback, on disk when this returns. Raises SpoolFull where the disk cannot take it."""
        return await self._puts.submit(recording)

    async def put_kept(self, recording: Recording) -> None:
        """Keeps what the journal has until its replicas have it too. Raises SpoolFull."""

        def write(db: sqlite3.Connection) -> None:
            with _transaction(db):
                self._marker.touch(mode=0o600)
                db.execute(f"INSERT OR IGNORE INTO kept {_VALUES}", self._row(recording))

        await self._run(write)

    async def first(self, most: int) -> list[Spooled]:
        """What has waited longest, in order of receipt; fewer than `most` where they are large."""
        return await self._oldest("spooled", most, "")

    async def kept(self, most: int, after: str = "") -> list[Spooled]:
        """What the journal has and its replicas may lack, from the id `after` on."""
        return await self._oldest("kept", most, after)

    async def _oldest(self, table: str, most: int, after: str) -> list[Spooled]:
        query = f"SELECT {_READ} FROM {table} WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608

        def oldest(db: sqlite3.Connection) -> list[Spooled]:
            found: list[Spooled] = []
            size = 0
            for recording, blob, email, copies, relay in db.execute(
                query, (after, most + len(self._undeleted))
            ):
                if len(found) == most or size > _LARGE:
                    break
                if relay not in self._undeleted:
                    copied = _copied(db, relay) if copies else ()
                    found.append(Spooled(self._recording(recording, blob, email), copies, copied))
                    size += len(blob)
            return found

        return await self._run(oldest)

    async def find(self, relay: str) -> Spooled | None:
        """What waits under this id, and the journal does not have."""

        def find(db: sqlite3.Connection) -> Spooled | None:
            row = db.execute(f"SELECT {_READ} FROM spooled WHERE id = ?", (relay,)).fetchone()  # noqa: S608
            return Spooled(self._recording(*row[:3]), row[3]) if row else None

        return await self._run(find) if self.pending else None

    async def keep(self, recorded: Sequence[Spooled]) -> None:
        """Moves what the journal has to what is kept, but for those of which a further copy came."""
        these = [(spooled.recording.id, spooled.copies) for spooled in recorded]

        def move(db: sqlite3.Connection) -> None:
            with _transaction(db):
                db.executemany(
                    f"INSERT OR REPLACE INTO kept ({_NAMES})"  # noqa: S608
                    f" SELECT {_NAMES} FROM spooled WHERE id = ? AND copies = ?",
                    these,
                )
                db.executemany("DELETE FROM spooled WHERE id = ? AND copies = ?", these)

        await self._run(move)

    async def remove(self, done: Sequence[Spooled]) -> None:
        """Forgets what the journal has now, but for those of which a further copy came; the marker goes last.

        On a full disk not even a row can be deleted: what is done is then remembered until there is room.
        """

        def remove(db: sqlite3.Connection) -> None:
            self._undeleted.update((spooled.recording.id, spooled.copies) for spooled in done)
            try:
                with _transaction(db):
                    for table in _TABLES:
                        query = f"DELETE FROM {table} WHERE id = ? AND copies = ?"  # noqa: S608
                        db.executemany(query, [*self._undeleted.items()])
                    db.executemany(_FORGET_COPIED, [(relay,) for relay in self._undeleted])
            except sqlite3.Error as error:
                log.warning("spool.nothing_deleted", error=str(error))
            else:
                self._undeleted.clear()
            self._mark(db)
            if not self.pending:
                self._give_back(db)

        await self._run(remove)

    async def unlock(self) -> None:
        """Raises VaultShut where something waits that no key at hand opens: nothing behind it could leave."""

        def look(db: sqlite3.Connection) -> None:
            for (email,) in db.execute("SELECT email FROM spooled UNION ALL SELECT email FROM kept"):
                self._vault.open_text(email)

        if self._file.exists():
            await self._run(look)

    async def settle(self) -> None:
        """Sets the marker right that a dead process left, or took away too early."""
        await self._run(self._mark)

    async def forget(self, email: str, *, by: str) -> int:
        """Erases what waits of a person, from the write-ahead log too; bodies nobody could read included.

        What the journal does not have goes there as discarded: it was answered for, and so it counts.
        """
        address = Address.of(email)

        def erase(db: sqlite3.Connection) -> int:
            with _transaction(db):
                waiting, kept = (self._of(db, table, address) for table in _TABLES)
                for recording in waiting:
                    self._rewrite(db, recording.id, _without_a_person(recording, f"forgotten by {by}"))
                db.executemany("DELETE FROM kept WHERE id = ?", [(recording.id,) for recording in kept])
                erased = len(waiting) + len(kept)
            self._mark(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return erased

        return await self._run(erase) if self._file.exists() else 0

    async def count(self) -> int:
        """How many wait that the journal does not have."""
        if not self.pending:
            return 0
        found: int = (await self._run(lambda db: db.execute("SELECT count(*) FROM spooled").fetchone()))[0]
        return found

    @contextmanager
    def sole(self) -> Iterator[bool]:
        """Whether this process alone drains now. The kernel frees the lock of one that dies."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield _locked(descriptor)
        finally:
            os.close(descriptor)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _flush(self, batch: list[Recording]) -> list[Receipt]:
        def write(db: sqlite3.Connection) -> list[Receipt]:
            with _transaction(db):
                self._marker.touch(mode=0o600)
                return [self._insert(db, recording) for recording in batch]

        return await self._run(write)

    def _mark(self, db: sqlite3.Connection) -> None:
        # Under the write lock of the inserts, so that no process can put one in meanwhile; in a transaction
        # of its own that writes nothing: one that could still fail might leave rows without a marker.
        with _transaction(db):
            most = len(self._undeleted) + 1
            rows = db.execute("SELECT id FROM spooled UNION SELECT id FROM kept LIMIT ?", (most,)).fetchall()
            if all(row[0] in self._undeleted for row in rows):
                self._marker.unlink(missing_ok=True)
            else:
                self._marker.touch(mode=0o600)

    def _give_back(self, db: sqlite3.Connection) -> None:
        # A file that one long outage made large would stay so for good.
        if self._file.stat().st_size > _LARGE:
            db.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, lambda: work(self._open()))
        except (sqlite3.Error, OSError) as error:
            raise SpoolFull(f"the spool {self._file}: {error}") from error

    def _of(self, db: sqlite3.Connection, table: str, address: Address) -> list[Recording]:
        rows = db.execute(f"SELECT recording, blob, email FROM {table}")  # noqa: S608
        recordings = (self._recording(*row) for row in rows)
        return [recording for recording in recordings if _is_of(recording, address)]

    def _insert(self, db: sqlite3.Connection, recording: Recording) -> Receipt:
        first = db.execute(
            "SELECT id, recording FROM spooled WHERE source = ? AND copy = ?",
            (recording.source, recording.copy),
        ).fetchone()
        if first is not None:
            relay, before = first[0], json.loads(self._vault.open_text(first[1]))
            if recording.at_ms - before["at_ms"] <= recording.window_ms:
                db.execute("UPDATE spooled SET copies = copies + 1 WHERE id = ?", (relay,))
                db.execute("INSERT OR IGNORE INTO copied VALUES (?, ?)", (relay, recording.id))
                self._read_at_last(db, recording, relay, before)
                return Receipt(relay, duplicate=True, status=recording.status, reason=recording.reason)
            db.execute("UPDATE spooled SET copy = ? WHERE id = ?", (f"{recording.copy} {relay}", relay))
        db.execute(f"INSERT INTO spooled {_VALUES}", self._row(recording))
        return Receipt(recording.id, duplicate=False, status=recording.status, reason=recording.reason)

    def _row(self, recording: Recording) -> tuple[Any, ...]:
        return recording.id, recording.source, recording.copy, _VERSION, *self._sealed(recording)

    def _sealed(self, recording: Recording) -> tuple[str, bytes, str]:
        """Its columns `recording`, `blob` and `email`."""
        plain = {key: value for key, value in asdict(recording).items() if key not in ("blob", "email")}
        vault = self._vault
        return (
            vault.seal_text(json.dumps(plain)),
            vault.seal(recording.blob),
            vault.seal_text(recording.email),
        )

    def _recording(self, text: str, blob: bytes, email: str) -> Recording:
        plain: dict[str, Any] = json.loads(self._vault.open_text(text))
        plain["status"] = Status(plain["status"])
        plain["orders"] = tuple(BookEntry(tuple(e["names"]), e["part"]) for e in plain["orders"])
        known = {name: value for name, value in plain.items() if name in Recording.__dataclass_fields__}
        return Recording(**known, blob=self._vault.open(blob), email=self._vault.open_text(email))

    def _read_at_last(
        self, db: sqlite3.Connection, copy: Recording, first: str, before: Mapping[str, Any]
    ) -> None:
        """Where what waits could not be read and its copy can: an adapter, or its options, were mended."""
        if before["stage"] != "normalise" or before["status"] == copy.status:
            return
        self._rewrite(db, first, replace(copy, id=first, at_ms=before["at_ms"]))

    def _rewrite(self, db: sqlite3.Connection, relay: str, recording: Recording) -> None:
        db.execute(
            "UPDATE spooled SET recording = ?, blob = ?, email = ? WHERE id = ?",
            (*self._sealed(recording), relay),
        )

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            db = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # what is forgotten leaves no bytes behind
            db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
            if self._most_pages is not None:
                db.execute(f"PRAGMA max_page_count = {self._most_pages}")
            db.executescript(_SCHEMA)
            self._file.chmod(0o600)
            self._connection = db
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_TABLES: Final = ("spooled", "kept")
_FORGET_COPIED: Final = """
    DELETE FROM copied WHERE first = ?1 AND NOT EXISTS (SELECT 1 FROM spooled WHERE id = ?1)
    AND NOT EXISTS (SELECT 1 FROM kept WHERE id = ?1)
"""
_NAMES: Final = "id, source, copy, version, recording, blob, email, copies"
_READ: Final = "recording, blob, email, copies, id"
_VALUES: Final = (
    "(id, source, copy, version, recording, blob, email) VALUES (?, ?, ?, ?, ?, ?, ?)"  # as `_row` has them
)


def _is_of(recording: Recording, address: Address) -> bool:
    if recording.email.strip().lower() == address.text:
        return True
    return address.stands_in_body(codec.unpack(recording.blob))


def _without_a_person(recording: Recording, reason: str) -> Recording:
    return replace(
        recording,
        status=Status.DISCARDED,
        reason=reason,
        blob=codec.pack({}),
        email="",
        order="",
        orders=(),
        places=False,
        is_order=False,
        stage="",
        title="",
    )


def _copied(db: sqlite3.Connection, relay: str) -> tuple[str, ...]:
    return tuple(row[0] for row in db.execute("SELECT id FROM copied WHERE first = ?", (relay,)))


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
