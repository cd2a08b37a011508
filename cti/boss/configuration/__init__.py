"""The interface server's file, read into a plan with every finding in it (docs/interface-server.md)."""

from cti.boss.configuration.reading import OfficeRefused, load_office, parse_office

__all__ = ["OfficeRefused", "load_office", "parse_office"]
