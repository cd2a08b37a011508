"""What a cluster for trying is configured with: one queue, two numbers."""

from __future__ import annotations

from pathlib import Path

#: The number whose callers wait for an agent, and one with a menu.
QUEUE, MENU = "110", "101"
FLOWS = {
    "waits": """\
flow: waits
start: hello
languages: {default: en-US}
nodes:
  hello: {type: play, say: "Welcome."}
  agent: {type: queue, queue: service, max_wait: 3600s, to: {talked: over, else: bye}}
  over: {type: end, outcome: talked}
  bye: {type: end, outcome: nobody}
""",
    "menu": """\
flow: menu
start: main
languages: {default: en-US}
nodes:
  main:
    type: menu
    say: "For an agent press 1."
    wait: 60s
    keys: {1: agent}
    reprompt: {no_input: 5, no_match: 5}
    to: {else: bye}
  agent: {type: queue, queue: service, max_wait: 3600s, to: {talked: bye, else: bye}}
  bye: {type: end, outcome: served}
""",
    "busy": """\
flow: busy
start: bye
languages: {default: en-US}
nodes:
  bye: {type: end, outcome: busy}
""",
}
ENTRY = f"""\
entries:
  - {{name: queue, medium: voice, called: "{QUEUE}", flow: waits}}
  - {{name: menu, medium: voice, called: "{MENU}", flow: menu}}
"""
#: Of each process of a cluster, whatever it is for.
COMMON = """\
node: {node}
data: {data}
flows: flows
store: {{url: "{url}", keys: keys.json}}
switches:
{switches}
api: {{host: 127.0.0.1, port: {port}, token_key: token-key.pem}}
worker: {{slot: {slot}, guard_s: 60, drain_s: 1}}
reload: {{watch: false}}
"""
CONFIG = COMMON + "queues: {{service: {{ring_s: 20, wrapup_s: 10, wait_unstaffed: true}}}}\n"
NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream cti_api {{
{servers}
        keepalive 16;
    }}
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 2m;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Connection "";
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_connect_timeout 1s;
        proxy_read_timeout 60s;
        proxy_next_upstream error timeout;
        proxy_next_upstream_tries 2;
        location / {{ proxy_pass http://cti_api; }}
        location = /v1/events {{ proxy_pass http://cti_api; proxy_buffering off; proxy_read_timeout 1h; }}
    }}
}}
"""


def write_flows(folder: Path) -> None:
    folder.mkdir()
    for name, text in FLOWS.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "entry.yaml").write_text(ENTRY, encoding="utf-8")


def nginx(folder: Path, port: int, ports: list[int]) -> str:
    servers = "\n".join(f"        server 127.0.0.1:{one} max_fails=2 fail_timeout=5s;" for one in ports)
    return NGINX.format(folder=folder, port=port, servers=servers)
