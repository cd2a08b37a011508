"""Against a real FreeSWITCH on `freeswitch_conf/`, with SIPp and a small SIP phone as callers."""
