"""What `cti doctor` can find. The pages in docs/codes/doctor/ are made of this table; codes are stable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """``when``: the finding in a sentence; ``why``: what comes of it; ``do``: the way out."""

    when: str
    why: str
    do: str


# fmt: off
CODES: dict[str, Code] = {
    # ---- configuration
    "configuration": Code(
        "The engine's file cannot be used.", "`cti serve` does not start on it.",
        "Each finding names file, line and what to write instead; `docs/configuration.md` lists all options."),
    "flows-refused": Code(
        "A flow, a calendar or the entry table has errors.",
        "An engine starts with the versions that were good before, or does not start where there are none.",
        "Mend what the findings name. `cti flow check` looks at flows by themselves, without the queues of an engine."),
    "interfaces-refused": Code(
        "The interfaces' file has errors.", "`cti serve` does not start.", "Mend what the finding names."),
    "password-in-configuration": Code(
        "A password stands in the engine's file.",
        "It is shown to whoever reads the configuration, and kept in its backups and history.",
        "Use `password_file:`, or `password: ${NAME}` with the environment."),
    "timezone-differs": Code(
        "The engine's `timezone` is not the machine's.",
        "Calendars and timers go by the engine's; logs and cron by the machine's, so people mistake hours.",
        "`timedatectl set-timezone ZONE`, or set `timezone:`."),
    # ---- machine
    "data-unwritable": Code(
        "The data folder cannot be made or written.", "The engine does not start.",
        "Give the engine's user the folder: `chown cti: FOLDER`; mount its disk for writing."),
    "disk-low": Code(
        "The disk of the data folder is nearly full.",
        "Records, recordings and the spill file need it; when it is full, records are lost.",
        "Make room, or shorten `recording:` retention. Warned below 2 GiB or 10 %, a failure below 200 MiB."),
    "descriptors-low": Code(
        "The limit of open files is too low for `limits.calls`.", "At the limit no call and no client comes in.",
        "`LimitNOFILE=` in the unit (`cti ops units` has it), or `ulimit -n`."),
    "clock-unsynchronised": Code(
        "The machine's clock is not synchronised.", "Records of several machines do not fit together; tokens fail.",
        "`timedatectl set-ntp true`, or install chrony."),
    "port-taken": Code(
        "Another program has the API's port.", "`cti serve` does not start.",
        "`ss -ltnp` shows which; end it, or set `api: {port: …}`."),
    "secret-readable": Code(
        "A file with a secret can be read by others.", "Who reads it can sign in to the switch, or open the numbers.",
        "`chmod 600 FILE`, owned by the engine's user."),
    "certificate-expires": Code(
        "A certificate has expired or will within 30 days.", "Connections by TLS are refused from then on.",
        "Have it renewed and put it in its place; the finding names the file and the day."),
    "certificate-unreadable": Code(
        "A certificate's file cannot be read.", "Whoever needs it does not start.",
        "Put a PEM file there that the engine's user may read."),
    # ---- database
    "database-missing": Code(
        "There is no database yet.", "The first start makes it; on a machine that has been at work it is gone.",
        "Start the engine, or `cti backup restore`."),
    "database-unusable": Code(
        "The database cannot be opened.", "Calls go on without records; nobody can sign in.",
        "The finding says what is wrong: not reachable, locked, damaged, keys that do not belong to it."),
    "database-read-only": Code(
        "The database takes no writing.", "Records wait in memory and in the spill file.",
        "Mount it for writing; on PostgreSQL name the primary, and look at `default_transaction_read_only`."),
    "database-schema": Code(
        "The database has another schema than this program.",
        "An older one is brought up to date at the next start; a newer one is refused.",
        "Start the engine; or use the program that made it."),
    "database-not-durable": Code(
        "The database may lose what it has confirmed.", "After a power failure records of calls are missing.",
        "PostgreSQL: `fsync = on`, `full_page_writes = on`, `synchronous_commit = on`. SQLite: a local disk, no tmpfs "
        "and no network file system."),
    "keys-missing": Code(
        "There is a database, and no key ring beside it.",
        "No number in it can be read, and the engine does not start.",
        "Put `keys.json` back, from a backup."),
    "clock-skew": Code(
        "The clock of a switch or of the database is not the engine's.",
        "Times in records, waits and leases are wrong by as much.", "Synchronise both machines by NTP."),
    # ---- switch
    "default-password": Code(
        "The event socket has FreeSWITCH's public password.", "Everybody who reaches the port can run commands.",
        "`cti switch config` makes one; restart the switch on it."),
    "secret-unreadable": Code(
        "The file of a password cannot be read.", "The engine does not start.",
        "Name the right file, and let the engine's user read it."),
    "switch-unreachable": Code(
        "Nothing answers on the switch's event socket.", "No calls.",
        "Is it running (`systemctl status cti-switch`)? Host and port as in its configuration? A firewall?"),
    "switch-password": Code(
        "The switch refuses the password.", "No calls.",
        "The switch runs on another configuration than the engine knows: restart it, or name its `password_file`."),
    "switch-acl": Code(
        "The switch refuses this address.", "No calls.",
        "What `cti switch config` writes admits loopback only: run the engine there, or end a tunnel on that machine."),
    "switch-garbled": Code(
        "Something else than an event socket answers.", "No calls.", "Name the event socket's port (8021)."),
    "switch-lost": Code(
        "The switch closed the connection.", "No calls.", "Look at its log; is it shutting down?"),
    "switch-slow": Code(
        "The switch does not answer in time.", "Calls begin late or not at all.", "Look at its load and its log."),
    "event-socket-exposed": Code(
        "The event socket is reached over a network.",
        "It is not encrypted: password and events can be read on the way.",
        "Put engine and switch on one machine, or the link into a VPN or TLS tunnel, and the port behind a firewall."),
    "no-real-time": Code(
        "A switch on this machine has no real-time priority.",
        "On a full machine voice stutters, because it waits for other programs.",
        "Start it with its unit of `cti ops units`, which allows it, or under `ulimit -r 99`."),
    "commands-behind": Code(
        "A switch on this machine reads the engine's commands no sooner than it serves its calls.",
        "A full machine carries fewer calls (docs/sizing.md): a command waits for all calls after each of its bytes.",
        "Run switch and engine as one user, the switch with `LimitRTPRIO=99`: the units of `cti ops units` do. "
        "Look as that user, too: others are not shown the switch's threads."),
    "password-weak": Code(
        "The event socket's password is short.", "It can be guessed.",
        "`cti switch config` makes one of 32 characters."),
    "version": Code(
        "The switch is of a version that is not tested.", "Something may behave in another way.",
        "Use FreeSWITCH 1.10 or 1.11."),
    "module-missing": Code(
        "A module is not loaded that calls need.", "Calls fail.",
        "Install it (Debian: freeswitch-mod-…), and restart the switch."),
    "module-optional": Code(
        "A module is not loaded that some features need.", "The finding says which.", "Install it if you need that."),
    "api-expansion": Code(
        "The switch executes commands inside arguments.", "Text of callers could run commands.",
        "Run the switch on what `cti switch config` writes."),
    "system-commands": Code(
        "The switch runs shell commands for its clients.", "Who gets into the event socket gets into the machine.",
        "Run the switch on what `cti switch config` writes."),
    "dialplan-missing": Code(
        "The switch has no dialplan for calls of trunks or phones.",
        "Such calls are refused, unless another context of yours takes them.",
        "Install what `cti switch config` writes and run `reloadxml` on the switch."),
    "dialplan-old": Code(
        "The dialplan of the switch is of another release.",
        "No engine hears of its calls; after half a minute each goes to the emergency group.",
        "Install what `cti switch config` writes, `dialplan/` and `vars.xml` together, and run `reloadxml`."),
    "codec-missing": Code(
        "The switch lacks G.711.", "Most trunks speak nothing else.", "Load its codecs: it is in the core by default."),
    "sessions-low": Code(
        "The switch lets in fewer channels than the engine's `limits.calls` may need.",
        "A call with an agent has two; at the limit callers hear nothing of ours.",
        "Raise `load.max_sessions` in the switch's settings, or lower `limits.calls`."),
    "prompts-missing": Code(
        "Prompts are not rendered yet.", "The engine renders them at its start, which takes long and needs espeak-ng.",
        "`cti prompts render`, which also says why one fails."),
    "prompts-unreadable": Code(
        "The switch cannot read a rendered prompt.", "Callers hear silence.",
        "The switch's user must be able to read the folder `prompts` in `data`; on another machine it must be shared."),
    # ---- back ends
    "backend-down": Code(
        "A back end does not let us in.", "Look-ups take their failure paths.",
        "`cti backend check NAME`; ask its owner."),
}
# fmt: on


def page(name: str) -> str:
    """Markdown of one code."""
    code = CODES[name]
    return f"# {name}\n\n{code.when}\n\n**What comes of it.** {code.why}\n\n**What to do.** {code.do}\n"


def index() -> str:
    rows = "\n".join(f"| [{name}]({name}.md) | {code.when} |" for name, code in sorted(CODES.items()))
    head = "# Findings of `cti doctor`\n\n*Generated from `cti/app/doctor/codes.py` by `scripts/docs`.*\n\n"
    return f"{head}| code | when |\n|---|---|\n{rows}\n"
