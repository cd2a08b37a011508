"""`cti prompts`: the studio's script, rendering ahead, and taking the studio's files."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti.cli.common import DEMO_CONFIG, add_config, settings_of
from cti.cli.flow_common import FLOWS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from cti.config import Settings
    from cti.core.commands import Say
    from cti.prompts import ScriptLine, WavPrompts


def add_to(nouns: Any) -> None:
    noun = nouns.add_parser("prompts", help="texts to record, rendering ahead, the studio's files", description=__doc__)
    verbs = noun.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the studio's script: every fixed text, its file's name, what is there")
    listing.add_argument("--missing", action="store_true", help="only texts without a recording")
    listing.add_argument("--language", metavar="TAG", help="only this language, such as zh-CN")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="for a table: language, file, state, text")
    form.add_argument("--json", action="store_true")
    listing.set_defaults(run=show)
    rendering = verbs.add_parser("render", help="render all fixed texts now that are not recorded (espeak-ng)")
    rendering.set_defaults(run=render)
    importing = verbs.add_parser("import", help="check the studio's files and put them in place: all or none")
    importing.add_argument("path", nargs="+", type=Path, help="WAV files, or folders of them, named as in the list")
    importing.add_argument("--check", action="store_true", help="only check them")
    importing.set_defaults(run=import_files)
    for verb in (listing, rendering, importing):
        verb.add_argument("--flows", type=Path, metavar="FOLDER", help="where the flows are (default: as configured)")
        add_config(verb)


def show(options: argparse.Namespace) -> int:
    from cti.prompts import State

    settings, folder, says = _texts(options)
    lines = _script(settings, folder, says)
    shown = [line for line in lines if not (options.missing and line.state is State.RECORDED)]
    shown = [line for line in shown if options.language in (None, line.language)]
    if options.json:
        rows = [{"language": x.language, "file": x.file, "state": str(x.state), "text": x.text} for x in shown]
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif options.csv:
        table = csv.writer(sys.stdout)
        table.writerow(("language", "file", "state", "text"))
        table.writerows((line.language, line.file, str(line.state), line.text) for line in shown)
    else:
        for line in shown:
            print(f"{line.state:<9} {line.file}  {line.text}")
        _summary(lines, folder)
    return 0


def _summary(lines: list[ScriptLine], folder: Path) -> None:
    from cti.prompts import State, find_unused

    for language in dict.fromkeys(line.language for line in lines):
        of = [line.state for line in lines if line.language == language]
        told = ", ".join(f"{of.count(state)} {state}" for state in State)
        print(f"{language}: {len(of)} texts: {told}", file=sys.stderr)
    for file in find_unused(lines, folder):
        print(f"no text any more: {folder / 'recorded' / file}", file=sys.stderr)


def render(options: argparse.Namespace) -> int:
    """Exit status 1 when a text could not be rendered. Raises EspeakMissing."""
    settings, folder, says = _texts(options, need_config=True)
    assert settings is not None
    with _prompts(settings, folder) as prompts:
        report = prompts.render_ahead(says, _progress)
    for say, error in report.failed:
        print(f"{say.language} {say.text[:60]}: {error}", file=sys.stderr)
    print(
        f"{report.total} texts: {report.rendered} rendered, {report.cached} there already, "
        f"{report.recorded} recorded, {len(report.failed)} failed"
    )
    return int(bool(report.failed))


def import_files(options: argparse.Namespace) -> int:
    """Raises RecordingsRefused: nothing was changed then."""
    from cti.prompts import check_files, find_files, make_script, put_in_place

    _, folder, says = _texts(options)
    files = find_files(options.path)
    recordings = check_files(files, make_script(says, folder), _progress)
    if options.check:
        print(f"{len(recordings)} recordings are good; nothing was changed")
        return 0
    placed = put_in_place(recordings, folder)
    for recording, replaced in placed:
        word = "replaced" if replaced else "imported"
        print(f"{word} {recording.line.file} {recording.audio.seconds:.1f} s  {recording.line.text}")
    print(f"{len(placed)} recordings in {folder / 'recorded'}")
    return 0


# ---- parts -----------------------------------------------------------------------------------------------------------


def _texts(options: argparse.Namespace, need_config: bool = False) -> tuple[Settings | None, Path, list[Say]]:
    """(settings, the prompts folder, the fixed texts). Without a configuration, the flows as the demo has them."""
    from cti.app import configured_flows, load_flows

    if options.config == DEMO_CONFIG and not options.config.exists() and not need_config:
        flows = options.flows or FLOWS
        return None, flows / "prompts", load_flows(flows).fixed_prompts()
    settings = settings_of(options)
    if options.flows is not None:
        settings = settings.model_copy(update={"flows": options.flows})
    return settings, settings.flows / "prompts", configured_flows(settings).fixed_prompts()


def _script(settings: Settings | None, folder: Path, says: list[Say]) -> list[ScriptLine]:
    from cti.prompts import make_script

    if settings is None or not (settings.data / "prompts").is_dir():
        return make_script(says, folder)
    with _prompts(settings, folder) as prompts:
        return make_script(says, folder, prompts.is_rendered)


@contextmanager
def _prompts(settings: Settings, folder: Path) -> Iterator[WavPrompts]:
    from cti.prompts import Renderer, WavPrompts

    chosen = settings.prompts
    prompts = WavPrompts(folder, settings.data / "prompts", voices=chosen.voices, renderer=Renderer(speed=chosen.speed))
    try:
        yield prompts
    finally:
        prompts.close()


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done == total or done % max(1, total // 10) == 0:
        print(f"{done} of {total}", file=sys.stderr)
