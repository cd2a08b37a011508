"""Pure vocabulary of the platform: calls, commands, events, issues, errors. No I/O, no clock, no chance."""
