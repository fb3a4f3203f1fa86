"""A server that behaves as Spotify's Web API does, oddities included. For laptops, tests and benchmarks.

A process of its own with its own memory: no Django, no database, no Redis. What it imitates is described in
`docs/simulator.md`.
"""
