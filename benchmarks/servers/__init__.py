"""Decision services as their libraries' own documentation would have them written.

Each is started as ``python -m benchmarks.servers.NAME FOLDER PORT`` and answers
``POST /v1/decisions`` with a probability and its three strongest reasons. They keep nothing: they
have no ledger, and their features are never updated.
"""
