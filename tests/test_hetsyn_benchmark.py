"""The HetSyn benchmark runs and says what it compared; how fast anything is, is never tested."""

from benchmarks import hetsyn
from mstask import results

REPEATS = 3


def test_makes_a_valid_document_with_every_form(in_process, tmp_path, capsys):
    path = tmp_path / "benchmark-hetsyn.json"
    hetsyn.main(["--tiny", "--repeats", str(REPEATS), "--out", str(path)])
    document = results.read_document(path)
    assert (document.section, document.profile) == ("benchmark-hetsyn", "smoke")
    for seconds in document.values["runs"][0]["seconds"].values():
        assert {name: len(values) for name, values in seconds.items()} == dict.fromkeys(hetsyn.FORMS, REPEATS)
    assert set(document.values["memory"]["speech"]) == set(hetsyn.FORMS)
    assert "recurrent" in capsys.readouterr().out


def test_the_forms_fire_the_same_spikes_and_have_the_same_gradients():
    for name, found in hetsyn.agreement(threads=1).items():
        assert found["differing_spikes"] == 0, name
        assert found["gradient_error"] < 1e-10, name
