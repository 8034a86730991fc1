"""What runs inside the child processes; see :mod:`benchmarks.child`.

A worker is made from a folder and options, has ``ready``, said to the parent at once, and methods
that the parent calls by name; all answers are JSON.
"""
