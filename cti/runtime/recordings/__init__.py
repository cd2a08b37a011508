"""Recordings from the switch's plain file to the sealed one, and out again for those who may hear them."""
