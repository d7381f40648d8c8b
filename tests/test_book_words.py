"""Words that compare stand on a page for a reason: in a sentence that a document or a verdict decides, or listed here."""

import re
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parent.parent / "book").glob("*.md"))
COMPARING = re.compile(
    r"\b(beats?|beaten|wins?|won|leads?|outperforms?|ahead|behind|best|worst|better|worse|highest|lowest|doubles?|halves"
    r"|no match|closely|almost|far (?:more|less|above|below|better|worse)|little more than"
    r"|much (?:more|less|better|worse|higher|lower)"
    r"|superior|inferior)\b",
    re.IGNORECASE,
)
DIRECTIVE = re.compile(r"^(:{3,})(?:\{([\w-]+)\})?")

LISTED = {
    "a question, not an answer": {
        "ablation": ["does a network that mixes neuron types beat"],
        "dissociation": ["Who wins on each task", "whether both wins are those of the paper"],
        "g2gnet": ["does wiring in groups beat", "Do groups beat no groups", "Does activity do any better"],
        "ncg": ["Who wins?"],
    },
    "what the paper claims or predicts, told as its claim": {
        "ablation": ["one matched type beats a mix", "expected the bank to win"],
        "dissociation": ["Doppler-LIF wins on radar, and on speech it is beaten by"],
        "five_minutes": [
            *("One good fit beats a mix", "beats the one built from several", "a neuron that resonates wins"),
            *("validation chooses beats these mixes is", "Neither is simply the better neuron"),
        ],
        "probe": ["the vertical mix should fall behind"],
    },
    "a definition, or the meaning of a verdict or a mark": {
        "claims": [
            *("the worst verdict counts", "How large a lead could be required", "by a stricter interval"),
            "the lowest of these intervals is what counts",
            *("The best of several", "It can leave open whether", "two types change places, for example"),
        ],
        "dissociation": [
            *(
                "call such a pair a *double",
                "If one type wins on both",
                "much its lead may vary",
                "The paper's double dissociation is",
                "types that are surely ahead",
                "leads on the two tasks leave out zero",
            ),
            *("can be true although CrossInhib-LIF wins", "A double dissociation between two types"),
        ],
        "intro": [
            "the tasks, a *double dissociation*",
            "The double dissociation is Doppler-LIF surely",
        ],
        "synthesis": ["the matched network is better"],
        "tuned": ["the **best** macro-F1", "The best configuration of each type"],
    },
    "how something is done or selected": {
        "g2gnet": [
            *("fires most often wins", "at their best test epoch", "is the best of", "Hollow marks are the best"),
            *("Reporting the best epoch", "halves the input of every neuron", "behind the small convolution"),
        ],
        "hetsyn": ["is the best of a hundred test accuracies"],
        "methods": [
            "far below its own best one",
            "the best of two hundred validation scores",
            "Where the best epoch is tested",
            "To beat it proves nothing",
            "A bigger network usually scores better",
            "those of the best epoch",
            "behind a shared linear layer",
        ],
        "ncg": [
            *(
                "becomes better at winning",
                "frequent winners win less",
                "its winner is the one with the highest",
                "those of the best one",
            ),
            *("this book tests the best epoch", "(accuracy, wins and updates", "who computes better"),
        ],
        "probe": ["ends an epoch almost silent", "the best test accuracy it has seen"],
        "tuned": ["the highest test score is partly the luckiest", "looks worse than it is", "would be the better control"],
        "dissociation": ["A type may win because of", "Not the best on both sides"],
        "eventprop": ["send the hidden neurons almost no error", "does no better has taught", "halves every learning rate"],
        "data": ["which neuron wins"],
        "disjoint": ['"The best of all" is judged at the seeds'],
        "speech": ["which of them wins"],
    },
    "said of figures that others published, beside the figure": {
        "dissociation": ["another type has the highest mean"],
        "disjoint": ["The highest mean is that of", "that it is the best of all types"],
        "eventprop": ["their best network reaches", "the best published networks use"],
        "hetsyn": ["The best competitor in the paper's table"],
        "mixed": ["has the highest mean"],
        "tuned": ["Doppler-LIF has the highest mean"],
    },
    "the word in another sense": {
        "data": ["moments of a beat", "that beat a few times", "wing beats"],
        "speech": ["The very recording behind"],
        "status": ["the run behind it"],
        "zoo": ["to the highest frequency"],
    },
}


CONDITIONS = ("mstask-when", "mstask-unless", "mstask-unlocked")


def sentences(page):
    """The sentences of a page that stand there whatever the documents say: without code, roles, options and conditions."""
    text = re.sub(r"^---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    kept, inside = [], []
    for line in re.sub(r"```.*?```", "", text, flags=re.DOTALL).splitlines():
        if fence := DIRECTIVE.match(line):
            if fence[2]:
                inside.append((fence[1], fence[2]))
            else:
                while inside and inside.pop()[0] != fence[1]:
                    pass
        elif not any(name in CONDITIONS for _, name in inside) and not re.match(r"^:\w+:", line):
            kept.append(line)
    prose = re.sub(r"(\{[\w-]+\})?`[^`]*`", "", "\n".join(kept))
    return [sentence.strip() for line in prose.splitlines() for sentence in re.split(r"(?<=[.?!:;])\s", line)]


def listed(page):
    return [fragment for pages in LISTED.values() for fragment in pages.get(page.stem, ())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_sentence_that_compares_is_computed_or_listed_with_a_reason(page):
    comparing = [sentence for sentence in sentences(page) if COMPARING.search(sentence)]
    unexplained = [sentence for sentence in comparing if not any(fragment in sentence for fragment in listed(page))]
    assert not unexplained, "let a document decide (mstask-when, a verdict), or list it with the reason"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_listed_still_stands_on_its_page(page):
    comparing = [sentence for sentence in sentences(page) if COMPARING.search(sentence)]
    assert not [fragment for fragment in listed(page) if not any(fragment in sentence for sentence in comparing)]


def test_a_typed_comparison_is_caught(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Doppler-LIF beats all others.\n\n:::{mstask-when} a\nIt wins.\n:::\n\n`the best` {result}`x:best` is {x}`y`.\n"
    )
    assert [s for s in sentences(page) if COMPARING.search(s)] == ["Doppler-LIF beats all others."]
