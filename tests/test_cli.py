"""The command line: answers on standard output, talk on standard error, 2 for what the caller got wrong."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
import sys
import time

import pytest
from examples import analysed
from logs import MODEL, decision, model_loop_run, observed, solution, stamp, write_run
from modelled import Minute, modelled_run, named
from turned import Turned

from wva_parse import analysis, directories, run
from wva_parse.__main__ import COMMANDS, main
from wva_parse.commands import numbers
from wva_parse.report.replayed import KEYS
from wva_parse.watch.text import LEGEND
from wva_sim.cluster.settings import Settings


@pytest.fixture
def directory(tmp_path):
    runs = [model_loop_run(60 * n, observed(8, 20), solution(9, 40), decision(1, 1)) for n in range(3)]
    return write_run(tmp_path / "r", *runs, config={"mode": "model-based"}, record={"status": "complete"})


def test_csv_says_where_the_file_is(directory, capsys):
    assert main(["csv", str(directory)]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(directory / "metrics.csv")
    assert "24 lines: 24 known" in err
    assert (directory / "metrics.csv").is_file()


def test_csv_says_what_could_not_be_read(tmp_path, capsys):
    renamed = solution(9, 40).replace("itl=", "tpot=")
    runs = [model_loop_run(60 * n, observed(8, 20), renamed if n else solution(9, 40)) for n in range(3)]
    assert main(["csv", str(write_run(tmp_path / "r", *runs))]) == 0
    said = capsys.readouterr().err
    assert "wva_parse csv: not read: 1 of 3 solutions were read: line 11: cannot read 's=llama-decode:llm-d; " in said


def test_summary_as_text_and_as_json(directory, capsys):
    assert main(["summary", str(directory)]) == 0
    assert "pairs, all:" in capsys.readouterr().out
    assert main(["summary", str(directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"]["all"] == 2


def test_compare_makes_a_column_per_run_and_leaves_out_bad_ones(directory, tmp_path, capsys):
    other = write_run(tmp_path / "other", model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    assert main(["compare", str(directory), str(other)]) == 0
    rows = capsys.readouterr().out.strip().splitlines()
    assert "|  | r | other |" in rows
    assert "| pairs, all | 2 | 0 |" in rows
    assert main(["compare", str(directory), str(tmp_path / "missing")]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("One run: there is nothing to hold it against.\n\n## Each run\n\n|  | r |")
    assert "no such directory" in err


def test_compare_takes_a_run_whose_log_is_gone_by_its_summary(directory, tmp_path, capsys):
    assert main(["summary", str(directory), "--json"]) == 0
    summed = json.loads(capsys.readouterr().out)
    for name, changes in (("old", {"schema": 1}), ("new", {})):
        (tmp_path / name).mkdir()
        found = {**summed, **changes, "run": name, "cost": None}
        (tmp_path / name / "summary.json").write_text(json.dumps(found), encoding="utf-8")
    target = tmp_path / "page.html"
    given = [directory, tmp_path / "old", tmp_path / "new" / "summary.json"]
    assert main(["compare", *map(str, given), "--html", str(target)]) == 0
    text = capsys.readouterr().out
    assert (
        "|  | r | old | new |" in text
        and "| replicas held, mean | 1.00 | 1.00 (as schema 1 counts them) | 1.00 |" in text
    )
    assert "| pairs, all | 2 | 2 | 2 |" in text and "| replica-hours held | 0.03 | – | – |" in text
    assert "3 runs" in target.read_text(encoding="utf-8")
    assert main(["compare", str(tmp_path / "old"), "--html", str(target)]) == 0


def test_a_run_is_no_repeat_of_itself_and_runs_of_one_name_are_told_apart(directory, tmp_path, capsys):
    other = tmp_path / "elsewhere" / "r"
    write_run(other, model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    assert main(["compare", str(directory), str(other), f"{directory}/"]) == 2
    out, err = capsys.readouterr()
    assert f"|  | {directory} | {other} |" in out
    assert "this run was given before" in err


def test_what_is_given_judges_all_runs(directory, tmp_path, capsys):
    other = write_run(tmp_path / "other", model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    options = ["--slo-itl", "7", "--slo-ttft", "500", "--replica-capacity", "5", "--price-per-gpu-hour", "2"]
    assert main(["compare", str(directory), str(other), *options]) == 0
    text = capsys.readouterr().out
    assert "Judged by the SLO that was given: all." in text
    assert "| ITL attainment | 0.0 % | 0.0 % |" in text and "| SLO ITL, ms | 7.00 | 7.00 |" in text
    assert main(["summary", str(directory), *options, "--json"]) == 0
    slo = json.loads(capsys.readouterr().out)["slo"]
    assert (slo["itl_ms"], slo["ttft_ms"], slo["source"]) == (7, 500, "given")
    with pytest.raises(SystemExit):
        main(["summary", str(directory), "--slo-itl", "0"])
    assert "saw '0', expected a number above 0" in capsys.readouterr().err


def test_watch_of_a_runner_that_was_killed_ends_with_it(directory, capsys):
    (directory / "run.json").write_text('{"status": "running"}', encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", ""]) as parent:
        parent.wait()
    assert main(["watch", str(directory), "--parent", str(parent.pid)]) == 0


def test_watch_of_a_run_that_has_fallen_silent_ends_and_says_so(directory, capsys):
    """Its runner was killed, and with it the collector: nobody will write that it is over."""
    record = directory / "run.json"
    record.write_text('{"status": "running", "config": {"metrics": {"interval": 10}}}', encoding="utf-8")
    an_hour_ago = time.time() - 3600
    os.utime(record, (an_hour_ago, an_hour_ago))
    assert main(["watch", str(directory)]) == 1
    assert "its runner was killed" in capsys.readouterr().err


def test_watch_explains_its_lines_and_repeats_none_before_the_load(directory, capsys):
    assert main(["watch", str(directory)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        LEGEND,
        "before load  replicas 1→1  ITL 8.0/10 ms  TTFT 20.0/1000 ms",
    ]


def test_watch_gives_a_line_per_reconciliation_under_load(directory, capsys):
    record = json.loads((directory / "run.json").read_text())
    work = {"name": "first", "rate_per_s": 10, "planned_start_s": 0, "planned_end_s": 600, "start": stamp(0)}
    (directory / "run.json").write_text(json.dumps({**record, "workloads": [{**work, "running_start": stamp(0)}]}))
    assert main(["watch", str(directory)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3


def test_a_directory_without_record_is_not_watched_for_ever(tmp_path, capsys):
    assert main(["watch", str(tmp_path)]) == 2
    assert "no run.json" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["csv", "summary", "watch"])
def test_a_missing_run_is_one_line_and_status_2(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "missing")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "no such directory" in err


def test_a_file_that_may_not_be_used_is_one_line(tmp_path, monkeypatch, capsys):
    def refuse(command, argv):  # as the system does to anyone but root
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(numbers, "main", refuse)
    assert main(["csv", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"wva_parse csv: {tmp_path}: Permission denied\n"


def test_unknown_command_and_none_list_the_commands(capsys):
    for argv in ([], ["nonsense"]):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert all(name in err for name in COMMANDS)


def test_compare_writes_a_page_with_the_runs_on_one_axis(directory, tmp_path, capsys):
    other = write_run(tmp_path / "other", model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    target = tmp_path / "page.html"
    assert main(["compare", str(directory), str(other), "--html", str(target)]) == 0
    shown = capsys.readouterr()
    assert shown.err.strip() == str(target)
    content = target.read_text()
    assert content.count("data:image/svg+xml;base64,") == 1
    assert 'src="http' not in content and "<td>pairs, all</td><td>2</td><td>0</td>" in content
    assert main(["compare", str(directory), "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


# --- replay


@pytest.fixture
def modelled(tmp_path):
    rates = (600, 900, 1200, 1500, 1800, 2400, 600)
    return modelled_run(tmp_path / "modelled", [Minute(rate) for rate in rates], config={"mode": "model-based"})


def replay_json(capsys, *arguments):
    assert main(["replay", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_replay_of_what_was(modelled, capsys):
    assert main(["replay", str(modelled)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("modelled\n\n7 of 7 decisions come out as they were; parameters as the lines about")
    assert "would have" not in out and err == ""
    found = replay_json(capsys, modelled)
    assert (found["run"], found["mode"], found["decisions"], found["reproduced"]) == ("modelled", "model-based", 7, 7)
    assert (found["not_reproduced"], found["first_difference"], found["analyses"]) == ([], None, None)
    assert found["replicas_logged"] == found["replicas_replayed"] == sum(row["replayed"] for row in found["rows"])
    assert {"reconciliation", "variant", "logged", "replayed"} <= set(found["rows"][0])


def test_a_replay_with_other_values(modelled, capsys):
    found = replay_json(capsys, modelled, "--slo-itl", 20, "--slo-ttft", 50, "--max", 1)
    assert (found["replicas_replayed"], found["most"], found["reproduced"]) == (7, 1, 7)
    assert replay_json(capsys, modelled, "--min", 9)["replicas_replayed"] == 63
    slower = replay_json(capsys, modelled, "--profile", "9,0.044,15.415,0.000337")
    assert slower["replicas_replayed"] > slower["replicas_logged"]
    assert main(["replay", str(modelled), "--slo-itl", "20", "--max", "3"]) == 0
    out = capsys.readouterr().out
    assert "With an ITL of 20 ms, at most 3 replicas: " in out
    assert "The first decision that differs is that of reconciliation" in out
    assert "What a replay cannot know" in out


def test_a_replay_with_the_fitted_profile_prints_it(modelled, capsys):
    assert main(["replay", str(modelled), "--profile", "fitted"]) == 0
    out = capsys.readouterr().out
    assert "Fitted to 6 observations of llama-decode, with 95 % intervals: alpha 7.4" in out
    assert 'decodeParms: {alpha: "7.4' in out


def test_what_is_not_reproduced_is_listed_with_both_values(directory, tmp_path, capsys):
    wrong = [model_loop_run(60 * n, [observed(8, 20), named()], solution(9, 40, 7), decision(1, 1)) for n in range(2)]
    assert main(["replay", str(write_run(tmp_path / "wrong", *wrong))]) == 0
    out = capsys.readouterr().out
    assert "0 of 2 decisions come out as they were" in out
    assert "2 predictions of latencies do not come out to 0.1 %." in out
    assert (
        "  reconciliation 1, llama-decode: logged 7 replicas, ITL 9.00 ms, TTFT 40.00 ms; replayed 1 replica, "
        "ITL 9.64 ms, TTFT 18.90 ms"
    ) in out


def test_a_run_that_cannot_be_replayed_does_not_stop_the_others(modelled, tmp_path, capsys):
    quiet = write_run(tmp_path / "quiet", model_loop_run(0, observed(8, 20)))
    assert main(["replay", str(tmp_path / "missing"), str(quiet), str(modelled)]) == 2
    out, err = capsys.readouterr()
    assert "no such directory" in err
    assert "The log holds no decision of the optimizer" in out and "7 of 7" in out
    assert main(["replay", str(tmp_path / "missing"), str(modelled), str(quiet), "--json"]) == 2
    assert [found["decisions"] for found in json.loads(capsys.readouterr().out)] == [7, 0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rate", "offered"], "the offered rate is not known"),
        (["--min", "3", "--max", "2"], "--min 3 is more than --max 2"),
        (["--profile", "fitted"], "no profile can be fitted for llama-decode: 2 observations under load"),
    ],
)
def test_wishes_that_a_run_cannot_fulfil(directory, arguments, complaint, capsys):
    assert main(["replay", str(directory), *arguments]) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--slo-itl", "0"], ["--min", "0"], ["--profile", "1,2,3"], ["--profile", "0,1,1,1"], ["--rate", "x"]]
)
def test_wishes_that_are_none(directory, arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["replay", str(directory), *arguments])
    assert stop.value.code == 2
    assert "usage: wva-parse replay" in capsys.readouterr().err


def test_options_of_the_other_mode_are_said_to_change_nothing(modelled, capsys):
    assert main(["replay", str(modelled), "--kv-trigger", "0.2"]) == 0
    assert "modelled is model-based: --kv-trigger changes nothing in it" in capsys.readouterr().err


@pytest.fixture
def explained(tmp_path):
    pods = ({"a": (0.3, 1)}, {"a": (0.95, 9)}, {"a": (0.5, 1), "b": (0.6, 1)}, {"a": (0.1, 0), "b": (0.1, 0)})
    runs = [analysed(60 * number, each) for number, each in enumerate(pods)]
    return write_run(tmp_path / "explained", *runs, config={"mode": "capacity-based"})


def test_a_replay_of_the_analyses_that_were(explained, capsys):
    assert main(["replay", str(explained)]) == 0
    assert capsys.readouterr().out == (
        "explained\n\n4 of 4 analyses come out as they were, to the printed digits.\n"
        "WVA's own limits (from the log): KV threshold of 0.8, queue threshold of 5, KV trigger of 0.1, queue trigger "
        "of 3.\n"
    )
    found = replay_json(capsys, explained)
    assert list(found) == list(KEYS)
    assert (found["run"], found["mode"]) == ("explained", "capacity-based")
    assert (found["analyses"], found["analyses_reproduced"], found["not_reproduced"]) == (4, 4, [])
    assert [found[name] for name in ("decisions", "reproduced", "replicas_logged", "replicas_replayed", "most")] == (
        [None] * 5
    )
    assert found["first_difference"] is None
    row = found["rows"][1]
    assert (row["reconciliation"], row["variant"]) == (1, "llama-decode")
    assert row["logged"] == row["replayed"] == {"up": True, "down_safe": False, **dict.fromkeys(ZEROS, 0)}


ZEROS = ("spare_kv", "spare_queue", "free")


def test_other_limits_change_analyses_exactly_up_to_the_first(explained, capsys):
    # Of the third analysis 0.25 are spare: below a trigger of 0.3 it asks for more.
    assert main(["replay", str(explained), "--kv-trigger", "0.3", "--queue-trigger", "2"]) == 0
    out = capsys.readouterr().out
    assert (
        "With a KV trigger of 0.3 and a queue trigger of 2, 1 of 4 analyses asks for something else than was logged, "
        "the first in reconciliation 2 (minute 2.0): more replicas instead of as many. Up to there this is exact; from "
        "there on the pods are those of replicas that would no longer be."
    ) in out
    assert "More replicas would first have been asked for at minute 1.0; as it was, at minute 1.0." in out
    assert "     2.0        2     2  as many        more replicas *" in out
    assert out.endswith("the answer is exact up to the first decision that differs.\n")
    found = replay_json(capsys, explained, "--kv-trigger", "0.3")
    assert found["first_difference"]["reconciliation"] == 2
    assert (found["kv_threshold"], found["kv_trigger"], found["analyses_reproduced"]) == (0.8, 0.3, 4)


def test_limits_that_change_nothing_are_said_to(explained, capsys):
    assert main(["replay", str(explained), "--kv-threshold", "0.8"]) == 0
    assert (
        "With a KV threshold of 0.8, none of 4 analyses would have asked for anything else." in capsys.readouterr().out
    )


def test_an_analysis_that_is_not_reproduced_is_listed_with_both_values(tmp_path, capsys):
    wrong = analysed(60, {"a": (0.3, 1)}, changed="scaleDownSafe=false→scaleDownSafe=true")
    directory = write_run(tmp_path / "wrong", analysed(0, {"a": (0.3, 1)}), wrong, analysed(120, {"a": (0.95, 9)}))
    assert main(["replay", str(directory)]) == 0
    out = capsys.readouterr().out
    assert "2 of 3 analyses come out as they were" in out
    assert (
        f"  reconciliation 1, {MODEL}: logged up false, down_safe true, spare_kv 0.5, spare_queue 4, free 1; replayed "
        "up false, down_safe false, spare_kv 0.5, spare_queue 4, free 1"
    ) in out


def test_a_log_that_tells_too_little_is_replayed_with_thresholds_that_are_given(tmp_path, capsys):
    runs = [analysed(60 * number, {"a": pod}, debug=False) for number, pod in enumerate(((0.3, 0), (0.75, 0)))]
    directory = str(write_run(tmp_path / "short", *runs, config={"mode": "capacity-based"}))
    assert main(["replay", directory]) == 0
    assert "2 of 2 analyses cannot be replayed: neither the log nor a ConfigMap" in capsys.readouterr().out
    assert main(["replay", directory, "--kv-trigger", "0.2"]) == 0
    assert "With a KV trigger of 0.2, no analysis can be replayed." in capsys.readouterr().out
    assert main(["replay", directory, "--queue-threshold", "5", "--queue-trigger", "3", "--kv-trigger", "0.6"]) == 0
    assert "2 analyses ask for something else" not in (out := capsys.readouterr().out)
    assert "1 of 2 analyses asks for something else than was logged, the first in reconciliation 0" in out


def test_analyzers_of_demand_have_no_such_limits(tmp_path, capsys):
    turned = Turned(Settings(dialect="D7", mode="capacity-based"), 1)
    turned.turn(90)
    (tmp_path / "wva-controller-logs.jsonl").write_text("\n".join(turned.log()) + "\n")
    assert main(["replay", str(tmp_path), "--kv-trigger", "0.2"]) == 0
    out = capsys.readouterr().out
    assert out.endswith(" weigh demand against supply: these limits are none of theirs.\n")
    assert "would have asked" not in out


def test_options_of_the_optimizer_change_nothing_in_analyses(explained, capsys):
    assert main(["replay", str(explained), "--slo-itl", "15", "--rate", "offered", "--profile", "fitted"]) == 0
    said = "explained is capacity-based: --slo-itl, --profile, --rate change nothing in it"
    assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["replay", str(explained), "--kv-trigger", "20"])
    assert "saw '20', expected a number from 0 to 1" in capsys.readouterr().err


def test_a_pipeline_is_told_by_the_exit_status(directory, capsys):
    met = ["--check", "pairs.all==2", "--check", "slo.itl_attainment>=0.95"]
    assert main(["summary", str(directory), *met]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "met     pairs.all == 2: 2",
        "met     slo.itl_attainment >= 0.95: 1",
    ]
    assert main(["summary", str(directory), *met, "--slo-itl", "5"]) == 6
    assert "MISSED  slo.itl_attainment >= 0.95: 0" in capsys.readouterr().out


def test_a_condition_on_what_no_summary_has_is_a_usage_error_and_nothing_is_judged(directory, capsys):
    assert main(["summary", str(directory), "--check", "pairs.all==9", "--check", "pairs.every==2"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "no summary has 'pairs.every'" in err
    with pytest.raises(SystemExit) as ended:
        main(["summary", str(directory), "--check", "pairs.all"])
    assert ended.value.code == 2


@pytest.fixture
def runs(directory):
    """Four runs: one that is analysed, one that is not, one without a log, one with half of a file."""
    base = directory.parent
    workload = {"name": "w", "rate_per_s": 10, "planned_start_s": 0, "planned_end_s": 60, "how": "parallel"}
    record = {"status": "interrupted", "mode": "model-based", "start": "2026-03-01T10:00:00Z", "workloads": [workload]}
    loop_run = model_loop_run(0, observed(8, 20), solution(9, 40))
    write_run(base / "later", loop_run, config={}, record={**record, "simulated": True})
    (base / "empty-20260101-000000").mkdir()
    (base / "half-20260102-000000").mkdir()
    (base / "half-20260102-000000" / "run.json").write_text('{"status":')
    (base / "half-20260102-000000" / "summary.json").write_text("{}")
    (base / "other-20260103-000000").mkdir()
    (base / "other-20260103-000000" / "summary.json").write_text('{"schema": 2, "run": "other", "mode": "model-based"}')
    (base / "a file").write_text("")
    (base / ".hidden").mkdir()
    analysis.write_results(run.load(directory))
    return base


def test_list_shows_the_runs_the_newest_first_and_what_is_wrong_with_them(runs, capsys):
    assert main(["list", str(runs)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert [line.split("  ")[:2] for line in lines[:8:2]] == [
        ["2026-03-01 10:00:00", "later"],
        ["2026-01-03 00:00:00", "other-20260103-000000"],
        ["2026-01-02 00:00:00", "half-20260102-000000"],
        ["2026-01-01 00:00:00", "empty-20260101-000000"],
    ]
    assert lines[0].split("  ")[-2:] == ["interrupted", "10 req/s for 60 s"]
    assert "model-based, simulated" in lines[0]
    assert lines[1] == "    not analysed"
    assert lines[3] == "    BROKEN: summary.json is of another release: analyse the run again"
    assert lines[5].startswith("    BROKEN: summary.json: no 'run' and 'mode' in it")
    assert lines[7] == "    BROKEN: no wva-controller-logs.jsonl in it"
    assert lines[8].split() == ["not", "known", "r", "model-based", "complete", "not", "known"]
    assert lines[9].startswith("    Under load, inter-token latency (ITL) was within its SLO of 10 ms in 3 of 3")


def test_a_run_that_ended_before_its_first_poll_is_not_broken(tmp_path, capsys):
    (tmp_path / "early").mkdir()
    (tmp_path / "early" / "run.json").write_text('{"status": "interrupted", "mode": "model-based"}')
    assert main(["list", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert (first.split("  ")[-2:], second) == (["interrupted", "not known"], "    nothing was collected")


def test_list_for_programs(runs, capsys):
    assert main(["list", str(runs), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["run"] for each in found][::4] == ["later", "r"]
    assert (found[0]["date"], found[0]["simulated"], found[0]["verdict"]) == (
        "2026-03-01 10:00:00",
        True,
        "not analysed",
    )
    assert main(["list", str(runs), "--format", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [{**row, "simulated": row["simulated"] == "true"} for row in rows] == found


def test_list_as_a_page_replaces_a_file_and_nothing_else(runs, tmp_path, capsys):
    page, link = tmp_path / "pages" / "index.html", tmp_path / "link.html"
    assert main(["list", str(runs), "--html", str(page)]) == 0
    assert "other-20260103-000000" in page.read_text() and "BROKEN" not in page.read_text()
    assert capsys.readouterr().err == f"{page}\n"
    page.write_text("old")
    link.symlink_to(page)
    assert main(["list", str(runs), "--html", str(link)]) == 0
    assert link.is_symlink() and page.read_text() != "old"
    assert [path.name for path in page.parent.iterdir()] == ["index.html"]
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main(["list", str(runs / "missing"), "--html", str(fifo)]) == 2
        assert main(["list", str(tmp_path / "pages"), "--html", str(fifo)]) == 0
        assert b"0 runs" in os.read(reader, 100_000) and fifo.is_fifo()
    finally:
        os.close(reader)


def test_list_of_no_runs(tmp_path, directory, capsys):
    (tmp_path / "none").mkdir()
    assert main(["list", str(tmp_path / "none")]) == 0
    assert "there are no runs yet" in capsys.readouterr().err
    assert main(["list", str(tmp_path / "missing")]) == 2
    assert "no such directory" in capsys.readouterr().err
    assert main(["list", str(directory)]) == 2
    assert "a run itself; expected the directory that holds runs" in capsys.readouterr().err


def test_list_without_a_directory_looks_where_runs_are_written(runs, monkeypatch, capsys):
    (runs / ".hidden" / "experiment-data").symlink_to(runs)
    monkeypatch.chdir(runs / ".hidden")
    monkeypatch.setattr(directories, "PROJECT", runs / "elsewhere")
    assert main(["list"]) == 0
    assert "later" in capsys.readouterr().out
