"""Is the tree ready to be released under the tag that its links and set-up cells name? What is wrong, or the commands."""

from __future__ import annotations

import re

from mstask import results
from mstask.claims.words import count
from mstask.lab import pairs, readme
from mstask.paths import ROOT, git


def problems() -> list[str]:
    """What disagrees: version, CITATION, changelog, README, locked results, notebooks, tag and what is committed."""
    address, tag = pairs.project()
    found = []
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    if cited is None or f"v{cited[1]}" != tag:
        found.append(f"CITATION.cff says version {cited[1] if cited else 'nothing'}, pyproject.toml {tag[1:]}")
    newest = re.search(r"^## ([\d.]*\d)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if newest is None or f"v{newest[1]}" != tag:
        found.append(f"CHANGELOG.md begins with version {newest[1] if newest else 'nothing'}, pyproject.toml has {tag[1:]}")
    text = readme.PATH.read_text(encoding="utf-8")
    if readme.renewed(text) != text:
        found.append("README.md's tables aren't those of the locked results: run `python -m mstask readme`")
    found += results.verify()
    for path in sorted((ROOT / "notebooks").glob("*.*")):
        if path.suffix in (".py", ".ipynb"):
            sources = [cell.source for cell in pairs.read(path).cells]
            if not {pairs.setup_source(), pairs.badge_source(path)} <= set(sources):
                found.append(f"notebooks/{path.name} names another release than {tag}: run `python -m mstask notebooks`")
    if (changed := git("status", "--porcelain")) is None:
        found.append("git doesn't answer here, so that commits and tags can't be compared")
    elif changed:
        n = len(changed.splitlines())
        found.append(f"{count(n, 'file')} {'is' if n == 1 else 'are'} changed and not committed: commit, or git stash")
    head, tagged = (git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") for name in ("HEAD", tag))
    if tagged and tagged != head:
        found.append(f"tag {tag} is an earlier commit: raise the version in pyproject.toml and CITATION.cff")
    published = git("ls-remote", "--tags", address, tag, f"{tag}^{{}}")
    if published is None and head:
        found.append(f"{address} doesn't answer, so that its tags can't be compared")
    elif published and head and head.strip() not in published:
        found.append(f"{address} has a {tag} of another commit: raise the version in pyproject.toml and CITATION.cff")
    return found


def commands() -> str:
    """The commands that publish the release; until they are run, set-up cells use the default branch and say so."""
    address, tag = pairs.project()
    tagged = git("rev-parse", "--verify", "--quiet", tag)
    lines = [] if tagged else [f'git tag -a {tag} -m "mstask {tag[1:]}"']
    return "\n".join([*lines, f"git push {address} HEAD:main {tag}"])
