"""Ids of contacts: the first of a call has the call's own, each further one ``<call>~<number>``."""

from __future__ import annotations


def call_of(contact: str) -> str:
    """The call that a contact belongs to."""
    return contact.partition("~")[0]
