"""The file of notices in a reload: read, held against the languages of the flows, its prompts rendered ahead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cti.core.errors import CtiError
from cti.core.issue import Place
from cti.files import read_file
from cti.flow.notices import load_notices, notice_languages, notice_says
from cti.runtime.library import unreadable
from cti.runtime.reload.files import NOTICES, decoded, errors_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cti.flow import Flow
    from cti.flow.notices import Notice
    from cti.runtime.reload.judge import Judge


#: What the history keeps where the file was taken away.
NONE = "notices: []\n"


def judge_notices(judge: Judge, flows: Iterable[Flow]) -> tuple[Notice, ...] | None:
    """Those that hold from now on; None: as before. ``flows``: all that callers may meet. No file is no notice."""
    file = judge.folder / NOTICES
    before = judge.job.shared.get(NOTICES)
    if not os.path.lexists(file):
        if before is not None:
            judge.shared[NOTICES] = NONE
        return ()
    try:
        text = decoded(read_file(file, what="the notices"))
    except CtiError as error:
        issues, text, found = [unreadable(error, file)], "", None
    else:
        languages = set() if judge.job.proven_only else notice_languages(flows)  # what is in force fitted then
        loaded = load_notices(text, str(file), languages=sorted(languages))
        issues, found = loaded.issues, loaded.notices
        if found is not None and not judge.job.proven_only:
            issues = [*issues, *judge.proof.render(notice_says(found), Place(str(file)))]
    judge.issues += issues
    errors = errors_of(issues)
    if errors:
        judge.hold_file(NOTICES, errors)
    elif not judge.unproven(NOTICES, text):
        judge.shared[NOTICES] = text
        return found
    if before is None:
        return None
    judge.shared[NOTICES] = before
    return load_notices(before, str(file)).notices
