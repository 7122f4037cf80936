"""Every Redis key, named here and in `scripts/lib.lua`, and nowhere else. All share one hash tag.

r:ID                 hash    a relay: status, reason, lane, times, counters
b:ID                 string  its postback and events, compressed JSON
h:ID                 list    its history: attempts with call and answer, acts of people
d:SOURCE:DIGEST      string  the relay this postback is a copy of, for the copies' window
also:ID              string  the relay that ID, given by the spool, proved to be a copy of
o:SOURCE:NAME        hash    an order's book: f:ID parts seen, s:MEANING sent or reserved, x:ID dead placed,
                             w waiting relays, n:KIND its names, lane, id (the name at the destination),
                             united (names of books that became part of it), version,
                             sending (the relay whose call of it left last)
a:SOURCE:NAME        string  another name of that order: the NAME of its book
kinds:SOURCE         set     the kinds of names seen ("client" of client:7D02), to look orders up by
c:SOURCE:PERSON      string  when that customer's last order was recorded
forgot:PERSON        string  when that person was forgotten: what lies before is not fetched again
lane:DEST:LANE       zset    relays of one customer, score 1 for a checkout that steps aside, then by id
ready:DEST:ENDPOINT  zset    lanes whose head waits for that endpoint, by due time; those of backfill alone in
                             ready:DEST:ENDPOINT:backfill
leased:DEST          zset    lanes being sent, by end of lease; leaseholder:DEST hash lane -> relay
held:DEST            zset    relays waiting outside their lane, by deadline
refused:DEST:ENDPOINT set    lanes whose calls were refused in the same words, with nothing accepted between
asked:ID             string  a worker asks, or has asked, the platform about that relay's order
dest:DEST            hash    pause and slow-down; failing: since when nothing is accepted, failures: tries
budget:KEY           zset of reservations; backfill:KEY its next slot
drain:DEST           string  the drain that is running or was woken; wake:DEST list rings it; at:DEST
i:SOURCE:STATUS      zset    index of relay ids; i:person:PERSON of a customer's; i:issue:ISSUE of its dead
issue:ISSUE          hash    what dead letters share (stage, adapter, kinds, title), first and last seen, ever
                             how many, d:DAY on a day, muted, trial; muted set
issues               zset    issues with dead letters, by when last seen
hour:HOUR            hash    SOURCE:received, :delivered, :dead in that hour
n, active, src:NAME  hash    totals by source and status; by destination, endpoint and status; first and last
meter                hash    what sending came to: attempts:DEST:OUTCOME:CLASS, and how long things took
watch, alerts        string  who looks for trouble now; which alerts stand, and who was told what
replicated           string  empty: written so that replicas can be asked whether they have it
kept:SOURCE:STATUS   string  how far retention has come; late:SOURCE:STATUS zset what was settled behind it
clock                hash    when it was looked at, and by how much it is ahead of a host's that was set back
activity             zset    what people did: an id and JSON; the oldest of too many are dropped
replay:REPLAY        hash    an act on all relays of a filter: wish, state, cursor, counts, what comes next
replays, replaying   zset    replays by id; set of those with something to do
workers, spools      zset    workers by when last seen; hash of what waits in each host's spool
tries:DIGEST         zset    tries at signing in, of an address or a name, by time
said:DIGEST          string  empty but for being there: a session has ended, a sign-in was used
sealed               set     ids of the keys that have sealed bodies
fence, salt          string  lease tokens; what people's digests are made with
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "{relay}:"
ENDPOINTS: Final = ("orders", "checkouts", "products", "stock", "events")


class Keys:
    """The names under one hash tag; another tag is another journal."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = prefix
        self.totals = f"{prefix}n"
        self.active = f"{prefix}active"
        self.salt = f"{prefix}salt"
        self.replicated = f"{prefix}replicated"
        self.sealed = f"{prefix}sealed"
        self.alerts = f"{prefix}alerts"
        self.meter = f"{prefix}meter"
        self.issues = f"{prefix}issues"
        self.muted = f"{prefix}muted"
        self.activity = f"{prefix}activity"
        self.replays = f"{prefix}replays"
        self.replaying = f"{prefix}replaying"
        self.workers = f"{prefix}workers"
        self.spools = f"{prefix}spools"

    def relay(self, relay: str) -> str:
        return f"{self.prefix}r:{relay}"

    def also(self, relay: str) -> str:
        return f"{self.prefix}also:{relay}"

    def blob(self, relay: str) -> str:
        return f"{self.prefix}b:{relay}"

    def history(self, relay: str) -> str:
        return f"{self.prefix}h:{relay}"

    def book(self, source: str, name: str) -> str:
        return f"{self.prefix}o:{source}:{name}"

    def alias(self, source: str, name: str) -> str:
        return f"{self.prefix}a:{source}:{name}"

    def kinds(self, source: str) -> str:
        return f"{self.prefix}kinds:{source}"

    def index(self, source: str, status: str) -> str:
        return f"{self.prefix}i:{source}:{status}"

    def person(self, person: str) -> str:
        return f"{self.prefix}i:person:{person}"

    def issue(self, issue: str) -> str:
        return f"{self.prefix}issue:{issue}"

    def issue_index(self, issue: str) -> str:
        return f"{self.prefix}i:issue:{issue}"

    def replay(self, replay: str) -> str:
        return f"{self.prefix}replay:{replay}"

    def customer(self, source: str, person: str) -> str:
        return f"{self.prefix}c:{source}:{person}"

    def forgotten(self, person: str) -> str:
        return f"{self.prefix}forgot:{person}"

    def hour(self, hour: int) -> str:
        return f"{self.prefix}hour:{hour}"

    def source(self, source: str) -> str:
        return f"{self.prefix}src:{source}"

    def asked(self, relay: str) -> str:
        return f"{self.prefix}asked:{relay}"

    def destination(self, destination: str) -> str:
        return f"{self.prefix}dest:{destination}"

    def ready(self, destination: str, endpoint: str, *, backfill: bool = False) -> str:
        return f"{self.prefix}ready:{destination}:{endpoint}{':backfill' if backfill else ''}"

    def leased(self, destination: str) -> str:
        return f"{self.prefix}leased:{destination}"

    def held(self, destination: str) -> str:
        return f"{self.prefix}held:{destination}"

    def lane(self, destination: str, lane: str) -> str:
        return f"{self.prefix}lane:{destination}:{lane}"

    def said(self, what: str) -> str:
        return f"{self.prefix}said:{what}"

    def drain(self, destination: str) -> str:
        return f"{self.prefix}drain:{destination}"

    def wake(self, destination: str) -> str:
        return f"{self.prefix}wake:{destination}"

    def budget(self, budget: str) -> str:
        return f"{self.prefix}budget:{budget}"
