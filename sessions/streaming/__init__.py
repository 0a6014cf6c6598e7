"""From the journal to whoever follows along: hints between processes, one hub per web process, the log as the truth."""
