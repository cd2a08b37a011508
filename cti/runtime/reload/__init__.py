"""Flows, entry table, calendars and notices loaded again while calls run: judged by a child, put in force as one."""
