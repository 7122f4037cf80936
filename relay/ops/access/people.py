"""The people of the pages: a file of users with roles, or one password."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from relay.errors import SettingsError

log: Final = structlog.get_logger()

FORMAT: Final = "NAME:ROLE:HASH"
THE_ADMIN: Final = "admin"
"""The name of whoever knows RELAY_OPS_PASSWORD."""

SHORTEST: Final = 8
"""Characters of a password."""

_NO_PASSWORD: Final = "-"  # noqa: S105 - says that there is none
_NAME: Final = re.compile(r"[^\s:#]{1,64}")
_hasher: Final = PasswordHasher()


class Role(StrEnum):
    """A viewer looks at masked data; an operator acts and may reveal; an admin may do all."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Person:
    """`proof` is the hash of the password; "-" where only a proxy or a provider vouches for the name."""

    name: str
    role: Role
    proof: str


def line(name: str, role: Role, password: str) -> str:
    """For the users file. Raises SettingsError where the name cannot stand there."""
    made = f"{name}:{role}:{_hasher.hash(password)}"
    _person(made, repr(name))
    return made


@cache
def _nobody() -> Person:
    """Verified for a name that does not exist, so that it takes as long."""
    return Person("", Role.VIEWER, _hasher.hash("nobody's"))


class People:
    """Who there is. The file is read again when it changes, so that nobody waits for a restart."""

    def __init__(self, file: Path | None = None, password: str | None = None) -> None:
        """Raises SettingsError where the file cannot be used."""
        self._file = file
        self._password = password
        self._stamp = _stamp(file) if file else None
        self._listed = _read(file) if file else {}
        if file is not None and not self._listed:
            raise SettingsError(f"{file} lists nobody; `relay password NAME` makes a line")

    @property
    def by_name(self) -> bool:
        """Whether people sign in with a name, and not with the one password alone."""
        return self._file is not None

    @property
    def any(self) -> bool:
        return self._file is not None or self._password is not None

    @property
    def with_passwords(self) -> bool:
        """Whether anybody can sign in here; they may all come by a proxy or a provider."""
        return self._password is not None or any(
            person.proof != _NO_PASSWORD for person in self._current().values()
        )

    def find(self, name: str) -> Person | None:
        found = self._current().get(name)
        if found is None and name == THE_ADMIN and self._password is not None:
            return Person(THE_ADMIN, Role.ADMIN, self._password)
        return found

    def verified(self, name: str, password: str) -> Person | None:
        """The person, if the password is right. Takes as long for a name that does not exist; blocks."""
        person = self.find(name)
        if person is not None and person.proof == self._password:
            return person if hmac.compare_digest(password.encode(), person.proof.encode()) else None
        try:
            _hasher.verify((person or _nobody()).proof, password)
        except (Argon2Error, InvalidHashError):
            return None
        return person

    def _current(self) -> Mapping[str, Person]:
        """A file that cannot be read keeps who was listed; one that lists nobody lets nobody in."""
        if self._file is None:
            return self._listed
        if (stamp := _stamp(self._file)) != self._stamp:
            self._stamp = stamp
            try:
                self._listed = _read(self._file)
            except SettingsError as error:
                log.error(  # noqa: TRY400 - the line may hold an address, or a hash in the wrong place
                    "users.unreadable",
                    file=str(self._file),
                    error=type(error).__name__,
                    advice="those listed before stand; `relay check` names the line",
                )
        return self._listed


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _read(file: Path) -> Mapping[str, Person]:
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"RELAY_USERS_FILE is {str(file)!r}: {error}") from error
    people: dict[str, Person] = {}
    for number, line in enumerate(lines, start=1):
        bare = line.strip()
        if bare and not bare.startswith("#"):
            person = _person(bare, f"{file}, line {number}")
            if person.name in people:
                raise SettingsError(f"{file}, line {number}: {person.name} is listed twice")
            people[person.name] = person
    return people


def _person(line: str, where: str) -> Person:
    name, _, rest = line.partition(":")
    role, _, proof = rest.partition(":")
    if not _NAME.fullmatch(name) or not proof:
        raise SettingsError(
            f"{where}: expected {FORMAT}, as `relay password NAME` prints it; no : or # in a name"
        )
    if role not in list(Role):
        raise SettingsError(f"{where}: the role is {role!r}; expected one of {', '.join(Role)}")
    if proof != _NO_PASSWORD and not proof.startswith("$argon2"):
        raise SettingsError(f"{where}: expected an argon2 hash, as `relay password {name}` prints it")
    return Person(name, Role(role), proof)
