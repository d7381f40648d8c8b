"""Neuron, synapse, loss, readout and wiring side by side: what each gains on the same two tasks, as plain records.

A part's two networks were fixed before any of them was trained here, the neuron's apart: the one that its paper proposes, and
the plain one that it is measured against there (of the wiring, both as public code has them). Where these differ in size, their
gain doesn't count for the answer; what counts is the gain over a plain network of equal size, where one was run. Systems differ
in much else (time constants, training), so gains may be compared with caution, and scores of different systems hardly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, NamedTuple

from mstask import stats
from mstask.claims.figures import NotTestable, between, paired
from mstask.claims.findings import decide
from mstask.claims.rules import CAPACITY_TOLERANCE, SMALLEST
from mstask.claims.words import listed, signed
from mstask.results.documents import Document
from mstask.studies.matching.declare import AUDIO_NEURONS
from mstask.studies.ncg.names import EQUAL_CASES
from mstask.studies.synthesis import operations
from mstask.studies.tuning.declare import TUNED
from mstask.summary import standings
from mstask.summary.comparisons import BEST, Comparison, compare, scored_cells, share_seeds, with_best
from mstask.summary.endings import at_chance

TASKS = ("radar", "speech")


@dataclass(frozen=True)
class Contest:
    """One part of a network on one task: `matched` is what its paper proposes, `plain` what that is measured against.

    `field` are the methods among which validation may choose another match. `equal` are contests of the same part on the same
    task between networks of one size, of which the first that can be held counts. `borrowed` : the plain network has settings
    that were searched for its rival.
    """

    part: str
    task: str
    section: str
    case: str | None
    matched: str
    plain: str
    field: tuple[str, ...] = ()
    equal: tuple[Contest, ...] = ()
    borrowed: bool = False

    @property
    def name(self) -> str:
        """The contest as sentences name it."""
        return f"{self.part} on {self.task}"


def _synapse(task: str) -> Contest:
    """HetSynLIF learns twice as many values as HomNeuLIF with as many neurons, and as many as a wider one."""
    equal = Contest("synapse", task, "equal-synapse", task, "HetSynLIF", "HomNeuLIF-wide")
    return Contest("synapse", task, "hetsyn", task, "HetSynLIF", "HomNeuLIF", equal=(equal,))


def _neuron() -> Contest:
    """On radar the paper tunes its networks, which then differ in size; at one size stand those of the square, untuned."""
    equal = Contest("neuron", "radar", "square", None, "Doppler-LIF", "Vanilla-LIF", field=AUDIO_NEURONS)
    return Contest("neuron", "radar", "search", None, "Doppler-LIF", "Vanilla-LIF", field=TUNED, equal=(equal,))


def _readout(task: str) -> Contest:
    """A readout neuron has a weight for every input, so only as many neurons make a readout of equal size.

    They either don't compete, or do so without regulation and labels, by the settings that were searched for their rival.
    """
    groups = "S2-M5-CR2-L"
    free = [Contest("readout", task, "equal-readout", task, groups, "S2-M5-free")] if task in EQUAL_CASES else []
    unregulated = Contest("readout", task, "ncg", task, groups, "S2-M5", borrowed=True)
    return Contest("readout", task, "ncg", task, groups, "S2-M1", equal=(*free, unregulated))


CONTESTS = (
    _neuron(),
    Contest("neuron", "speech", "disjoint", None, "CrossInhib-LIF", "Vanilla-LIF", field=AUDIO_NEURONS),
    *map(_synapse, TASKS),
    *(Contest("loss", task, "eventprop", task, "exp", "average-cross-entropy") for task in TASKS),
    *map(_readout, TASKS),
    *(Contest("wiring", task, "g2gnet", task, "mixer", "er") for task in TASKS),
)
PER_NEURON = ("hetsyn", "HetNeuLIF"), ("equal-synapse", "HomNeuLIF-wide")
"""By section: a time constant for each neuron, and the network that is the synapse's control."""
PARTS = tuple(dict.fromkeys(contest.part for contest in CONTESTS))
SECTIONS = tuple(dict.fromkeys(one.section for contest in CONTESTS for one in (contest, *contest.equal)))


@dataclass(frozen=True)
class Side:
    """One network of a contest: its macro-F1 as in `standings`, parameters (mean over seeds), proxy as `operations.energy`."""

    method: str
    macro_f1: Mapping[str, Any]
    n_parameters: int | None
    energy_uJ: float | None
    at_chance: bool


class Chosen(NamedTuple):
    """What validation chooses in place of a paper's proposal: its names, and its gain over the plain network.

    `verdict` and `bounds`, its interval, are corrected for this gain beside all others of the task.
    """

    names: str
    gain: Comparison
    verdict: str = "undecided"
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a contest: the gain of `matched` over `plain`, with its 95 % interval, p-value and number of seeds.

    `verdict` is the ledger's decision, by the interval that agrees with Holm's correction over the task's contests.
    `equal` is what came of the same part's contest at equal size, None where none was held.
    """

    contest: Contest
    matched: Side
    plain: Side
    gain: Comparison
    verdict: str = "undecided"
    chosen: Chosen | None = None
    equal: Outcome | None = None

    @property
    def counted(self) -> Outcome | None:
        """What the part gains at equal size, None where it was compared at unlike sizes only."""
        return next((found for found in (self, self.equal) if found is not None and found.like_with_like), None)

    @property
    def size_ratio(self) -> float | None:
        """Parameters of the matched network over those of the plain one."""
        counts = self.matched.n_parameters, self.plain.n_parameters
        return counts[0] / counts[1] if all(counts) else None

    @property
    def counts(self) -> bool:
        """Whether the gain counts for the answer: at equal size, over a plain network with its own settings that learnt."""
        return self.like_with_like and not self.plain.at_chance and not self.contest.borrowed

    @property
    def like_with_like(self) -> bool:
        """Whether the two networks are of one size, as far as that is known."""
        ratio = self.size_ratio
        return ratio is None or abs(ratio - 1) <= CAPACITY_TOLERANCE


def outcome(contest: Contest, documents: Mapping[str, Document | None]) -> Outcome | None:
    """Return what came of a contest judged alone, None where a side of it has no score."""
    document = documents.get(contest.section)
    if document is None:
        return None
    own = document.of_case(contest.case) if contest.case else document
    pair = contest.matched, contest.plain
    if not all(scored_cells(own, name) for name in pair) or not share_seeds(own, *pair):
        return None
    gain = compare(own, *pair)
    matched, plain = (_side(own, name, contest.task) for name in pair)
    return Outcome(contest, matched, plain, gain, _verdict(gain.estimate, stats.LEVEL), _chosen(own, contest))


def outcomes(documents: Mapping[str, Document | None]) -> dict[Contest, Outcome]:
    """Every contest that can be held with these documents, by section id; all of a task's are judged together."""
    held = {contest: found for contest in CONTESTS if (found := outcome(contest, documents)) is not None}
    equal = {c: next(filter(None, (outcome(own, documents) for own in c.equal)), None) for c in held}
    for task in TASKS:
        own = [(sized, c) for sized in (held, equal) for c in held if c.task == task and sized[c]]
        tested = [(sized, c) for sized, c in own if sized[c].gain.p is not None]
        tests = [sized[c].gain.p for sized, c in tested]
        levels = stats.holm_levels(tests) if tests else []
        for (sized, c), level in zip(tested, levels, strict=True):
            sized[c] = replace(sized[c], verdict=_verdict(sized[c].gain.estimate, level))
        for sized, c in own:
            if (chosen := sized[c].chosen) and chosen.gain.p is not None:
                level = stats.holm_levels([*tests, chosen.gain.p])[-1]
                judged = {"verdict": _verdict(chosen.gain.estimate, level), "bounds": chosen.gain.estimate.interval(level)}
                sized[c] = replace(sized[c], chosen=chosen._replace(**judged))
    return {contest: replace(found, equal=equal[contest]) for contest, found in held.items()}


def overview(documents: Mapping[str, Document | None]) -> dict[str, Any]:
    """What the contests say together.

    Returns
    -------
    dict
        Per part, per task: an `Outcome` or None. firm, against, open: contests ("wiring on radar", "synapse on radar at equal
        size") by their verdict; counted: those whose gain is shown and counts for the answer, ["none"] without any;
        uncounted: the others of firm; missing: those that can't be held; unlike: those held between networks of unlike size
        only. verdicts: the first three as one sentence. largest: per task the part with the largest gain that counts {part,
        difference}, None without any. answer, caveats: per task, what to match first, and what is undecided or wasn't counted.
    """
    held = outcomes(documents)
    by_part = {part: {c.task: held.get(c) for c in CONTESTS if c.part == part} for part in PARTS}
    largest = {}
    for task in TASKS:
        gains = {found.contest.part: found.gain.difference for found in _counted(o for c, o in held.items() if c.task == task)}
        top = max(gains, key=lambda part: gains[part], default=None)
        largest[task] = None if top is None else {"part": top, "difference": gains[top]}
    kinds = {"firm": "supported", "against": "contradicted", "open": "undecided"}
    told = {c.name: found for c, found in held.items()}
    told |= {f"{c.name} at equal size": found.equal for c, found in held.items() if found.equal}
    sorted_out = {kind: [name for name, found in told.items() if found.verdict == v] for kind, v in kinds.items()}
    unlike = [c.name for c, found in held.items() if found.counted is None]
    counted = [found.contest.name for found in _counted(held.values()) if found.verdict == "supported"]
    said = {"firm": "a gain is shown for", "against": "a loss, or no gain that matters, for", "open": "undecided are"}
    verdicts = "; ".join(f"{words} {listed(sorted_out[kind])}" for kind, words in said.items() if sorted_out[kind])
    missing = [c.name for c in CONTESTS if c not in held]
    uncounted = [name for name in sorted_out["firm"] if not told[name].counts]
    rest = {"missing": missing, "unlike": unlike, "counted": counted or ["none"], "uncounted": uncounted}
    rest |= {"largest": largest, "verdicts": verdicts}
    rest |= {"answer": {task: _answer(held, documents, task) for task in TASKS}}
    return by_part | sorted_out | rest | {"caveats": {task: _caveats(held, task) for task in TASKS}}


def _answer(held: Mapping[Contest, Outcome], documents: Mapping[str, Document | None], task: str) -> str:
    """What to match first on a task, by the verdicts, of the gains that count (`Outcome.counts`)."""
    own = [found for contest, found in held.items() if contest.task == task]
    if not own:
        return f"On {task} nothing was run."
    firm = sorted((f for f in _counted(own) if f.verdict == "supported"), key=lambda f: -f.gain.difference)
    if not firm:
        return f"On {task} nothing that the papers propose is shown to gain at equal size.{_by_validation(own)}"
    gains = listed(f"the {found.contest.part} ({signed(found.gain.difference)})" for found in firm)
    shown = f"only {gains} is" if len(firm) == 1 else f"{gains} are"
    beside = _per_neuron(documents, task) if any(found.contest.part == "synapse" for found in firm) else ""
    return f"On {task}, of what the papers propose, {shown} shown to gain at equal size.{beside}{_by_validation(own)}"


def _per_neuron(documents: Mapping[str, Document | None], task: str) -> str:
    """What a time constant for each neuron gains over the synapse's control, which has one fixed time constant.

    Nothing where the two weren't run on the same data with a common seed.
    """
    known = [(document, name) for section, name in PER_NEURON if (document := documents.get(section)) is not None]
    chosen = [(own, {name: 1.0}) for document, name in known if scored_cells(own := document.of_cases((task,)), name)]
    if len(chosen) < len(PER_NEURON) or not _same_data([document for document, _ in chosen]):
        return ""
    try:
        gain = between(paired(chosen))
    except NotTestable:
        return ""
    return f" A learnt time constant for each neuron gains {signed(gain.value)} over the synapse's rival, with fewer values."


def _same_data(documents: Iterable[Document]) -> bool:
    """Whether documents of one case each are of the same data, as far as they say."""
    return len({found.fingerprint for document in documents for cell in document.cells if (found := cell.data)}) < 2


def _by_validation(held: Iterable[Outcome]) -> str:
    """The gain of the neuron that validation chooses, which was not fixed beforehand, with its verdict."""
    found = next((f for f in _counted(held) if f.chosen), None)
    if found is None or found.chosen.bounds is None:
        return ""
    names, gain, verdict, bounds = found.chosen
    which = f"neuron that validation chooses, {names}{', as the paper does' if names == found.contest.matched else ''},"
    gained = f"{signed(gain.difference)} [{', '.join(map(signed, bounds))}]"
    if verdict == "supported":
        return f" The {which} is shown to gain: {gained}."
    corrected = " once corrected for all gains" if gain.low > 0 or gain.high < 0 else ""
    return f" That the {which} gains is {verdict}{corrected}: {gained}."


def _caveats(held: Mapping[Contest, Outcome], task: str) -> str:
    """What is undecided on a task, and what wasn't counted and why."""
    own = [found for contest, found in held.items() if contest.task == task]
    groups = {
        "undecided: {}": [f for f in _counted(own) if f.verdict == "undecided"],
        "not counted, since the plain network learnt nothing: {}": [f for f in own if (f.counted or f).plain.at_chance],
        "not counted, since compared at unlike sizes only: {}": [f for f in own if f.counted is None],
        "not counted, since the plain network has its rival's settings: {}": [
            f for f in own if f.counted and f.counted.contest.borrowed
        ],
    }
    told = [sentence.format(listed(f"the {f.contest.part}" for f in found)) for sentence, found in groups.items() if found]
    return f"On {task}, {'; '.join(told)}." if told else ""


def _counted(held: Iterable[Outcome]) -> list[Outcome]:
    """What parts gain at equal size where that counts."""
    return [found.counted for found in held if found.counted and found.counted.counts]


def _verdict(estimate: stats.Estimate | None, level: float) -> str:
    bounds = estimate.interval(level) if estimate else None
    return decide(bounds, smallest=SMALLEST)[0] if bounds else "undecided"


def _side(document: Document, method: str, task: str) -> Side:
    score = standings(document)["methods"][method]["macro_f1"]
    energy = operations.energy(document, method, task)
    return Side(method, score, _parameters(document, method), energy, bool(at_chance(document, method)))


def _chosen(document: Document, contest: Contest) -> Chosen | None:
    """The methods that validation chooses, and their gain over the plain one; None where that can't be told."""
    field = tuple(name for name in contest.field if scored_cells(document, name))
    chosen = with_best(document, field) if len(field) > 1 else None
    if chosen is None or not share_seeds(chosen, BEST, contest.plain):
        return None
    results = {id(cell.result) for cell in scored_cells(chosen, BEST).values()}
    names = dict.fromkeys(cell.method for cell in document.cells if id(cell.result) in results)
    gain = compare(chosen, BEST, contest.plain)
    return Chosen(listed(names, "or"), gain)


def _parameters(document: Document, method: str) -> int | None:
    """Wirings drawn by the seed differ a little in their number of connections."""
    counts = [cell.result.n_parameters for cell in document.cells if cell.method == method]
    return round(fmean(counts)) if counts and None not in counts else None
