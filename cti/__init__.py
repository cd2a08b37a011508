"""Telecom customer-service platform: YAML call flows on FreeSWITCH."""

__version__ = "0.1.0"
