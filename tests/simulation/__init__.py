"""Seeded runs of the real engine on a virtual clock: docs/simulation.md."""
