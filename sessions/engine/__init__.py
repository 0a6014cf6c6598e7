"""The running of sessions: one writer per session, everything it does journaled before it counts."""
