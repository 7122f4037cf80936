"""Relays commerce postbacks to the Commerce API without losing one."""

__version__ = "0.1.0"
