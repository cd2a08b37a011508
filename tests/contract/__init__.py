"""One suite for both switches: what the engine relies on, asked of the embedded switch and of a real FreeSWITCH."""
