"""Events to other servers: `board` decides what each webhook is to get, `line` sends it, `desk` looks after all."""
