"""What `relay adapters test` runs: the hard tests of every installed adapter, one class each."""

from __future__ import annotations

from relay.testing.hard import every_adapter

globals().update(every_adapter())
