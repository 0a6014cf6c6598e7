"""The running of sessions: one writer per session, everything it does journaled before it counts.

A worker process starts it with `sessions.engine.wiring.build_host(publisher).start()`; `publisher` is an
`engine.journal.Publisher`.
"""
