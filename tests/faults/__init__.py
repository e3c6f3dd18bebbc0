"""Faults put into an index: kills, full disks, flipped bytes, readers beside a writer. `python -m tests.faults` runs them."""

import os

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # threads that spin while they wait keep other children from their cores
