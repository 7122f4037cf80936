"""How fast, as ratios against a reference of the same run: `make bench`. Asserts nothing about time."""
