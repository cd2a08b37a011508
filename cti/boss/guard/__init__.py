"""What protects a back end from us and us from it. Pure: time is an argument, so that it is tested without waiting.

`breaker` stops asking who is ill, `bulkhead` bounds what runs and what waits, `budget` bounds repetition. What may be
asked in a second is `cti.core.access.rate`.
"""
