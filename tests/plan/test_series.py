"""Series: the order of runs, and which runs count when one is resumed."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone

import pytest
from configs import CONFIG, MANIFEST, edit, write

from wva_parse.__main__ import main
from wva_parse.plan import series
from wva_parse.plan.documents import ConfigError

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def add_config(directory, name, repeat=1, **changes):
    """A config with that name in a directory of its own; its runs go to `data` beside it."""
    place = directory / name
    place.mkdir(exist_ok=True)
    head = edit(CONFIG, ("name: an-experiment", f"name: {name}"), *changes.get("edits", ()))
    data = directory / "data"
    return write(place, f"{head}repeat: {repeat}\noutput:\n  base_dir: {data}\n", changes.get("manifest", MANIFEST))


def planned(*paths, embedded=False):
    experiments = series.read_experiments(paths)
    return experiments, series.begin(experiments, embedded, NOW)


def add_run(directory, stamp, line, series_id, **changes):
    """A run directory of a repetition, as the runner records it."""
    config = line.config.read_bytes()
    manifest = hashlib.sha256((line.config.parent / "job.yaml").read_bytes()).hexdigest()
    record = {
        "name": line.name,
        "status": "complete",
        "embedded": False,
        "config_sha256": hashlib.sha256(config).hexdigest(),
        "workloads": [{"manifest_sha256": manifest}] * 2,
        "repetition": {"number": line.number, "of": line.of, "series": series_id},
    }
    run = directory / "data" / f"{line.name}-{stamp}"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({**record, **changes}))
    return str(run)


def resumed(*paths, embedded=False):
    experiments, begun = planned(*paths, embedded=embedded)
    return series.resume(begun, experiments, series.find_runs(experiments), embedded)


def test_experiments_are_interleaved_as_long_as_each_lasts(tmp_path):
    _, begun = planned(add_config(tmp_path, "a", 3), add_config(tmp_path, "b", 2))
    order = [(line.name, line.number, line.of) for line in begun.repetitions]
    assert order == [("a", 1, 3), ("b", 1, 2), ("a", 2, 3), ("b", 2, 2), ("a", 3, 3)]
    assert begun.id.startswith("20260102-030405-")
    assert {line.run for line in begun.repetitions} == {""}


def test_the_time_of_a_run_is_that_of_its_load_and_its_cooldown(tmp_path):
    experiments, begun = planned(add_config(tmp_path, "a"))
    assert begun.repetitions[0].seconds == 60 + 60 + 120
    assert series.begin(experiments, False, NOW, cooldown_s=5).repetitions[0].seconds == 60 + 60 + 5


def test_complete_runs_are_not_run_again_and_the_others_are(tmp_path):
    path = add_config(tmp_path, "a", 4)
    _, begun = planned(path)
    one, two, three, _ = begun.repetitions
    first = add_run(tmp_path, "20260102-030405", one, begun.id)
    add_run(tmp_path, "20260102-040405", two, begun.id, status="interrupted")
    add_run(tmp_path, "20260102-050405", three, begun.id, status="running")  # it was killed
    found = resumed(path)
    assert found.id == begun.id
    assert [line.run for line in found.repetitions] == [first, "", "", ""]
    assert found.notes == (f"series {begun.id}: 1 of 4 runs are complete",)


def test_only_the_latest_series_is_resumed(tmp_path):
    path = add_config(tmp_path, "a", 2)
    _, begun = planned(path)
    later = begun.id.replace("20260102", "20260103")
    for line in begun.repetitions:
        add_run(tmp_path, f"20260102-03040{line.number}", line, begun.id)
    second = add_run(tmp_path, "20260103-030405", begun.repetitions[1], later)
    found = resumed(path)
    assert (found.id, [line.run for line in found.repetitions]) == (later, ["", second])


def test_the_order_of_the_configs_does_not_make_another_series(tmp_path):
    a, b = add_config(tmp_path, "a"), add_config(tmp_path, "b")
    _, begun = planned(a, b)
    run = add_run(tmp_path, "20260102-030405", begun.repetitions[0], begun.id)
    assert [line.run for line in resumed(b, a).repetitions] == ["", run]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_text(path.read_text() + "cooldown: 9\n"), "config.yaml has changed since"),
        (
            lambda path: (path.parent / "job.yaml").write_text(edit(MANIFEST, ('"120"', '"240"'))),
            "a manifest of",
        ),
    ],
)
def test_runs_of_what_has_changed_since_are_not_mixed_in(tmp_path, change, said):
    path = add_config(tmp_path, "a", 2)
    _, begun = planned(path)
    run = add_run(tmp_path, "20260102-030405", begun.repetitions[0], begun.id)
    assert resumed(path).repetitions[0].run == run
    change(path)
    found = resumed(path)
    assert [line.run for line in found.repetitions] == ["", ""]
    assert found.id != begun.id
    assert said in found.notes[0]
    assert run in found.notes[0]
    assert found.notes[-1] == "starting from the first repetition"


def test_why_nothing_is_resumed(tmp_path):
    a, b = add_config(tmp_path, "a"), add_config(tmp_path, "b")
    assert resumed(a).notes[0] == f"nothing to resume: no repetition of a in {tmp_path / 'data'}"
    _, begun = planned(a, embedded=True)
    run = add_run(tmp_path, "20260102-030405", begun.repetitions[0], begun.id, embedded=True)
    assert resumed(a, embedded=True).repetitions[0].run == run
    assert resumed(a).notes[0] == f"nothing to resume: {run} was made on an embedded cluster"
    assert resumed(a, b, embedded=True).notes[0] == f"nothing to resume: {run} is of a series with other configs"


def test_runs_without_a_repetition_or_without_a_record_are_left_alone(tmp_path):
    path = add_config(tmp_path, "a")
    _, begun = planned(path)
    add_run(tmp_path, "20260102-030405", begun.repetitions[0], begun.id, repetition=None)
    (tmp_path / "data" / "a-20260102-040405").mkdir()
    (tmp_path / "data" / "a-20260102-040405" / "run.json").write_text('{"name": "a", "rep')
    assert resumed(path).repetitions[0].run == ""


def test_problems_of_all_configs_are_said_at_once(tmp_path):
    bad, worse = tmp_path / "bad.yaml", add_config(tmp_path, "a", 100)
    bad.write_text("[]")
    with pytest.raises(ConfigError) as error:
        series.read_experiments([bad, worse])
    assert len(error.value.messages) == 2
    assert error.value.messages[1].endswith("repeat: saw 100, expected 99 or less")


def test_one_name_is_one_experiment(tmp_path):
    path = add_config(tmp_path, "a")
    with pytest.raises(ConfigError, match=r"its name is 'a', as that of .*; expected a name for each"):
        series.read_experiments([path, path])


def test_series_at_the_command_line(tmp_path, capsys):
    path = add_config(tmp_path, "a", 2)
    experiments, begun = planned(path)
    assert main(["series", str(path), "--cooldown", "0"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[1:4] for row in rows] == [["1", "2", "a"], ["2", "2", "a"]]
    assert rows[0][4:] == ["120", experiments[0].sha256, "-", str(path)]
    run = add_run(tmp_path, "20260102-030405", begun.repetitions[0], begun.id)
    assert main(["series", "--resume", "--", str(path)]) == 0
    answer = capsys.readouterr()
    assert [line.split("\t")[6] for line in answer.out.splitlines()] == [run, "-"]
    assert answer.err == f"series {begun.id}: 1 of 2 runs are complete\n"
    assert main(["series", str(tmp_path / "none.yaml")]) == 2
