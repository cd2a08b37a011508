"""Reports: what calls, contacts, agents and flows count for, by period and interval."""
