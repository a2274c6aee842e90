"""Configs of experiments: what is accepted, what it becomes, and what is said of the rest."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from configs import CONFIG, MANIFEST, edit, write

from wva_parse.log.durations import seconds_in
from wva_parse.plan import config
from wva_parse.plan.documents import ConfigError

PARALLEL = edit(
    CONFIG,
    ("- name: first\n    job_manifest: job.yaml", "- name: first\n    job_manifest: job.yaml\n    duration: 60"),
    (
        "- name: second\n    job_manifest: job.yaml",
        "- name: second\n    job_manifest: job.yaml\n    start_delay: 20\n    duration: 30",
    ),
)


def messages(path):
    """Problems without the path that all begin with."""
    return [problem.removeprefix(f"{path}:") for problem in config.problems(path)]


def test_defaults(tmp_path):
    loaded = config.load(write(tmp_path))
    assert (loaded.interval_s, loaded.cooldown_s, loaded.timeout_s, loaded.repeat) == (10, 120, 1800, 1)
    assert (loaded.endpoint, loaded.slo_itl_ms, loaded.slo_ttft_ms) == (None, None, None)
    assert loaded.base_dir == config.PROJECT / "experiment-data"
    assert not loaded.parallel


def test_everything_that_can_be_set(tmp_path):
    more = (
        "endpoint: https://elsewhere:8443/v1\nmetrics:\n  interval: 5\ncooldown: 0\ntimeout: 99\nrepeat: 5\n"
        "slo:\n  itl_ms: 12.5\n  ttft_ms: 800\noutput:\n  base_dir: /data/runs\ndescription: two loads\n"
    )
    loaded = config.load(write(tmp_path, CONFIG + more))
    assert (loaded.endpoint, loaded.description) == ("https://elsewhere:8443/v1", "two loads")
    assert (loaded.interval_s, loaded.cooldown_s, loaded.timeout_s, loaded.repeat) == (5, 0, 99, 5)
    assert (loaded.slo_itl_ms, loaded.slo_ttft_ms) == (12.5, 800)
    assert str(loaded.base_dir) == "/data/runs"


def test_sequential_workloads_follow_each_other(tmp_path):
    planned = config.plan(write(tmp_path))
    assert [(line.order, line.start_s, line.end_s, line.name, line.how) for line in planned] == [
        (1, 0, 60, "first", "sequential"),
        (2, 60, 120, "second", "sequential"),
    ]


def test_parallel_workloads_start_and_stop_as_planned(tmp_path):
    planned = config.plan(write(tmp_path, PARALLEL))
    assert [(line.start_s, line.end_s, line.name, line.how) for line in planned] == [
        (0, 60, "first", "parallel"),
        (20, 50, "second", "parallel"),
    ]


def test_the_plan_is_in_the_order_of_starts(tmp_path):
    first_later = edit(PARALLEL, ("    duration: 60", "    start_delay: 40\n    duration: 60"))
    assert [line.name for line in config.plan(write(tmp_path, first_later))] == ["second", "first"]


def test_seeds_are_the_manifests_plus_order_and_never_the_same(tmp_path):
    path = write(
        tmp_path, edit(CONFIG, ("- name: second\n    job_manifest: job", "- name: second\n    job_manifest: two"))
    )
    (tmp_path / "two.yaml").write_text(edit(MANIFEST, ('value: "7"', 'value: "6"')), encoding="utf-8")
    assert [line.seed for line in config.plan(path)] == [8, 9]  # 7 + 1, and 6 + 2 = 8 is taken


def test_each_repetition_has_seeds_of_its_own_whatever_repeat_says(tmp_path):
    path = write(tmp_path, f"{CONFIG}repeat: 3\n")
    of_each = [[line.seed for line in config.plan(path, number)] for number in range(1, 100)]
    assert of_each[:3] == [[8, 9], [10, 11], [12, 13]]
    assert len({seed for seeds in of_each for seed in seeds}) == 2 * 99
    once = write(tmp_path)
    assert [line.seed for line in config.plan(once)] == of_each[0], "as without repeat"
    assert [line.seed for line in config.plan(once, 99)] == of_each[98], "by config and number alone"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("mode: ", "modes: "), "2: unknown key 'modes' in the config; did you mean 'mode'?"),
        (("mode: model-based", "mode: hybrid"), "2: mode: saw 'hybrid', expected 'model-based' or 'capacity-based'"),
        (("deployment: decode\n", ""), "1: the config has no 'deployment'; expected: The model's Deployment"),
        (("deployment: decode", "deployment: 12"), "6: deployment: saw 12, expected text"),
        (("deployment: decode", "deployment:"), "6: deployment: saw nothing, expected text"),
        (
            ("name: an-experiment", "name: An_Experiment"),
            "1: name: saw 'An_Experiment', expected lower-case letters, digits and '-'",
        ),
        (("name: an-experiment", "name: " + "x" * 41), "expected at most 40 characters"),
        (
            ("namespace: llm\n", "namespace: -llm\n"),
            "3: namespace: saw '-llm', expected lower-case letters, digits and '-'",
        ),
        (("model_name: some/model", 'model_name: ""'), "7: model_name: saw '', expected some text"),
        (("model_name: some/model", r'model_name: "a\nb"'), "7: model_name: saw 'a\\nb', expected one line of text"),
        (("mode: ", "interval: 5\nmode: "), "2: unknown key 'interval' in the config; it belongs in 'metrics'"),
        (("mode: ", "zzz: 5\nmode: "), "2: unknown key 'zzz' in the config; known are name, description, mode"),
        (("mode: ", "metrics: {interval: 2.5}\nmode: "), "2: metrics.interval: saw 2.5, expected seconds: 300, or 5m"),
        (
            ("mode: ", "metrics: {interval: 60.0}\nmode: "),
            "2: metrics.interval: saw 60.0, expected seconds: 300, or 5m",
        ),
        (("mode: ", "metrics: {interval: 0}\nmode: "), "2: metrics.interval: saw 0, expected 1 or more"),
        (
            ("mode: ", "metrics: {interval: true}\nmode: "),
            "2: metrics.interval: saw true, expected seconds: 300, or 5m",
        ),
        (("mode: ", "cooldown: -1\nmode: "), "2: cooldown: saw -1, expected 0 or more"),
        (("mode: ", "repeats: 2\nmode: "), "2: unknown key 'repeats' in the config; did you mean 'repeat'?"),
        (("mode: ", "repeat: 0\nmode: "), "2: repeat: saw 0, expected 1 or more"),
        (("mode: ", "repeat: 100\nmode: "), "2: repeat: saw 100, expected 99 or less"),
        (("mode: ", "repeat: 2.5\nmode: "), "2: repeat: saw 2.5, expected a whole number"),
        (("mode: ", "slo: {itl_ms: 0}\nmode: "), "2: slo.itl_ms: saw 0, expected more than 0"),
        (
            ("mode: ", "endpoint: gateway:80\nmode: "),
            "2: endpoint: saw 'gateway:80', expected a URL (http://... or https://...)",
        ),
        (("mode: ", "timeout: 59\nmode: "), "workload 'first' takes about 60 s, longer than the timeout of 59 s"),
        (
            ("- name: second\n    job_manifest: job", "- name: first\n    job_manifest: job"),
            "11: a second workload named 'first' (the first is in line 9)",
        ),
        (
            ("- name: second\n    job_manifest: job.yaml", "- name: second\n    job_manifest: none.yaml"),
            "12: no manifest 'none.yaml' in ",
        ),
        (
            ("- name: second\n    job_manifest: job.yaml", "- name: second\n    jobmanifest: job.yaml"),
            "12: unknown key 'jobmanifest' in workloads[1]; did you mean 'job_manifest'?",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, change, said):
    assert any(said in message for message in messages(write(tmp_path, edit(CONFIG, change))))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("    duration: 60\n", ""), "9: workload 'first' has no duration; a config with start_delay or duration is"),
        (("duration: 60", "duration: 0"), "11: workloads[0].duration: saw 0, expected 1 or more"),
        (("start_delay: 20", "start_delay: -20"), "14: workloads[1].start_delay: saw -20, expected 0 or more"),
        (
            ("duration: 60", "duration: 60\n    wait_completion: true"),
            "12: workload 'first' has wait_completion: true in a parallel config",
        ),
    ],
)
def test_what_is_wrong_in_parallel_ones(tmp_path, change, said):
    assert any(message.startswith(said) for message in messages(write(tmp_path, edit(PARALLEL, change))))


def test_a_sequential_workload_that_does_not_wait_is_refused(tmp_path):
    text = edit(CONFIG, ("- name: second\n", "- name: second\n    wait_completion: false\n"))
    assert messages(write(tmp_path, text)) == [
        "12: workload 'second' does not wait for completion;"
        " expected start_delay and duration for workloads that overlap"
    ]


@pytest.mark.parametrize("empty", ["[]", "", "{}"])
def test_without_workloads_there_is_no_experiment(tmp_path, empty):
    text = CONFIG[: CONFIG.index("workloads:")] + f"workloads: {empty}\n"
    (message,) = messages(write(tmp_path, text))
    assert message.startswith("8: workloads: saw ")


def test_all_problems_are_said_at_once_in_the_order_of_the_file(tmp_path):
    text = edit(
        CONFIG, ("name: an-experiment", "name: A"), ("deployment: ", "deploy: "), ("mode: model-based", "mode: x")
    )
    said = messages(write(tmp_path, text))
    assert [message.split(":")[0] for message in said] == [
        "1",
        "2",
        "6",
    ]  # of the misspelt key it is not said as well that it is missing


def test_problems_are_in_order_below_a_directory_with_a_colon(tmp_path):
    directory = tmp_path / "12:30"
    directory.mkdir()
    said = messages(
        write(directory, edit(CONFIG, ("namespace: llm\n", "namespace: 3\n"), ("mode: model-based", "mode: x")))
    )
    assert [message.split(":")[0] for message in said] == ["2", "3"]


def test_a_manifest_beside_the_config_comes_before_the_projects(tmp_path):
    (tmp_path / "workloads").mkdir()
    name = "workloads/sharegpt-load-job-warmup.yaml"
    (tmp_path / name).write_text(MANIFEST, encoding="utf-8")
    text = edit(CONFIG, ("job_manifest: job.yaml", f"job_manifest: {name}"))
    assert {work.job.name for work in config.load(write(tmp_path, text)).workloads} == {"load"}
    (tmp_path / name).unlink()
    assert {work.job.name for work in config.load(write(tmp_path, text)).workloads} == {
        "vllm-bench-sharegpt-load-warmup"
    }


def test_a_manifest_known_by_its_base_name_only_is_refused_with_the_suggestion(tmp_path):
    text = edit(CONFIG, ("job_manifest: job.yaml", "job_manifest: ../not_wva/workloads/sharegpt-load-job-high-20.yaml"))
    said = messages(write(tmp_path, text))
    assert len(said) == 2
    assert all("did you mean 'workloads/sharegpt-load-job-high-20.yaml'?" in message for message in said)


def test_a_duration_sets_the_number_of_prompts_and_its_drain(tmp_path):
    longer = edit(PARALLEL, ("duration: 60", "duration: 61\n    drain: 0"))
    assert [(line.prompts, line.drain_s) for line in config.plan(write(tmp_path, longer))] == [(122, 0), (60, 300)]
    of_all = edit(PARALLEL, ("mode: model-based", "mode: model-based\ndrain: 20"))
    assert [line.drain_s for line in config.plan(write(tmp_path, of_all))] == [20, 20]
    assert [(line.prompts, line.drain_s) for line in config.plan(write(tmp_path, CONFIG))] == [(120, None), (120, None)]


def test_a_small_load_has_one_prompt_at_least(tmp_path):
    slow = edit(PARALLEL, ("duration: 60", "duration: 1"))
    path = write(tmp_path, slow)
    manifest = tmp_path / "job.yaml"
    manifest.write_text(manifest.read_text().replace('value: "2"', 'value: "0.2"'))
    assert config.plan(path)[0].prompts == 1


def test_an_error_holds_every_message(tmp_path):
    with pytest.raises(ConfigError) as error:
        config.load(
            write(tmp_path, edit(CONFIG, ("mode: model-based", "mode: x"), ("namespace: llm\n", "namespace: 3\n")))
        )
    assert len(error.value.messages) == 2


def run(*arguments):
    command = [sys.executable, "-m", "wva_parse", *map(str, arguments)]
    return subprocess.run(command, cwd=config.PROJECT, capture_output=True, text=True, check=False)


def test_plan_at_the_command_line(tmp_path):
    answer = run("plan", write(tmp_path, PARALLEL))
    manifest = (tmp_path / "job.yaml").resolve()
    assert answer.returncode == 0
    assert answer.stdout == (
        "order\tstart_s\tend_s\tname\tmanifest\trate_per_s\tseed\thow\tprompts\tdrain_s\n"
        f"1\t0\t60\tfirst\t{manifest}\t2\t8\tparallel\t120\t300\n"
        f"2\t20\t50\tsecond\t{manifest}\t2\t9\tparallel\t60\t300\n"
    )


def test_plan_of_a_repetition_at_the_command_line(tmp_path):
    path = write(tmp_path)
    answer = run("plan", path, "--repetition", "2")
    assert [line.split("\t")[6] for line in answer.stdout.splitlines()] == ["seed", "10", "11"]
    answer = run("plan", path, "--repetition", "0")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "saw '0', expected a whole number from 1" in answer.stderr


@pytest.mark.parametrize("command", ["plan", "check"])
def test_a_bad_config_at_the_command_line(tmp_path, command):
    path = write(tmp_path, edit(CONFIG, ("mode: ", "modes: ")))
    answer = run(command, path)
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert f"{path}:2: unknown key 'modes'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_check_at_the_command_line(tmp_path):
    path = write(tmp_path)
    answer = run("check", path)
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == f"{path}: its name is 'an-experiment': runs are called by that, not by the file's\n"
    answer = run("check", path.rename(tmp_path / "an-experiment.yaml"))
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
    assert run("check").returncode == 2
    assert "no such file" in run("check", tmp_path / "none.yaml").stderr


def test_reading_a_config_does_not_compile_grammars():
    """What jsonschema would import where Jupyter has brought it takes longer than all of the rest."""
    loaded = "import sys, wva_parse.plan.config; print('lark' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"


OLDER = "metrics:\n  interval: 5\n  log_level: debug  # of the monitor\n"
OLDER += "output:\n  save_raw_logs: true\nexpected:\n  - x\n\n"


def test_keys_that_nothing_reads_any_more_can_go(tmp_path):
    said = messages(write(tmp_path, OLDER + CONFIG))
    assert [message.partition(";")[0] for message in said] == [
        "3: 'metrics.log_level' can go: nothing reads it any more ('check --fix' writes the config without it)",
        "5: 'output.save_raw_logs' can go: nothing reads it any more ('check --fix' writes the config without it)",
        "6: 'expected' can go: nothing reads it any more ('check --fix' writes the config without it)",
    ]


def test_fix_writes_the_config_without_them_beside_the_old_one(tmp_path, capsys):
    path = write(tmp_path, OLDER + CONFIG)
    before = path.read_text()
    assert config.main("check", [str(path), "--fix"]) == 0
    fixed = path.with_name(f"{path.stem}.fixed.yaml")
    assert capsys.readouterr().out.strip() == str(fixed)
    assert fixed.read_text() == "metrics:\n  interval: 5\n\n" + CONFIG
    assert path.read_text() == before


def test_fix_takes_a_comment_within_a_value_and_leaves_the_one_behind_it(tmp_path):
    older = "output:\n  base_dir: x\nexpected:\n  a: 1\n# within\n  b: 2\n# behind\n"
    path = write(tmp_path, older + CONFIG)
    assert config.main("check", [str(path), "--fix"]) == 0
    assert path.with_name(f"{path.stem}.fixed.yaml").read_text() == f"output:\n  base_dir: x\n# behind\n{CONFIG}"


def test_fix_of_what_needs_none_or_cannot_be_done(tmp_path, capsys):
    assert config.main("check", [str(write(tmp_path)), "--fix"]) == 0
    assert "no key in it that can go" in capsys.readouterr().err
    path = write(tmp_path, "metrics: {interval: 5, log_level: debug}\n" + CONFIG)
    assert config.main("check", [str(path), "--fix"]) == 2
    assert "1: 'metrics.log_level' can go; remove it, it shares its line" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("metrics: {interval: '5'}", "saw '5', expected seconds: 300, or 5m; remove the quotes"),
        ("slo: {itl_ms: '9.5'}", "saw '9.5', expected a number; remove the quotes"),
        ("metrics: {interval: 5x}", "saw '5x', expected seconds: 300, or 5m"),
        ("cooldown: m5", "saw 'm5', expected seconds: 300, or 5m"),
    ],
)
def test_quotes_that_make_a_text_of_a_number(tmp_path, given, said):
    (message,) = messages(write(tmp_path, f"{given}\n{CONFIG}"))
    assert message.endswith(said)


# --- durations, and what a config says of its Jobs ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1m30s", 90), (" 5m ", 300), ("0s", 0)],
)
def test_durations_are_seconds(text, seconds):
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "5x", "30s1m", "-5m", "1.5m", "5 m"])
def test_what_is_no_duration(text):
    assert seconds_in(text) is None


def test_durations_are_taken_wherever_seconds_are(tmp_path):
    text = edit(PARALLEL, ("duration: 60", "duration: 1m30s"), ("start_delay: 20", "start_delay: 1m"))
    read = config.load(write(tmp_path, f"cooldown: 5m\ntimeout: 1h\ndrain: 2m\nmetrics: {{interval: 10s}}\n{text}"))
    assert (read.cooldown_s, read.timeout_s, read.interval_s) == (300, 3600, 10)
    spans = [(work.start_delay_s, work.duration_s, work.drain_s) for work in read.workloads]
    assert spans == [(0, 90, 120), (60, 30, 120)]


def test_a_duration_below_what_is_allowed_is_refused(tmp_path):
    (message,) = messages(write(tmp_path, f"timeout: 0s\n{CONFIG}"))
    assert message.endswith("timeout: saw 0, expected 1 or more")
    (message,) = messages(write(tmp_path, f"cooldown: 745h\n{CONFIG}"))
    assert message.endswith("cooldown: saw 2682000, expected 2678400 or less"), "a month"


def with_keys(text, whole=CONFIG):
    first = "- name: first\n    job_manifest: job.yaml\n"
    return edit(whole, (first, f"{first}{text}"))


def test_a_rate_of_the_config_replaces_the_manifests_for_as_long(tmp_path):
    """The manifest sends 120 requests at 2 per second."""
    (work, *_) = config.load(write(tmp_path, with_keys("    rate: 5\n"))).workloads
    assert (work.job.rate_per_s, work.job.prompts, work.job.seconds) == (5.0, 300, 60)
    text = with_keys("    rate: 0.5\n", PARALLEL)  # for 60 s
    assert config.load(write(tmp_path, text)).workloads[0].prompts == 30
    (message,) = messages(write(tmp_path, with_keys("    rate: 0\n")))
    assert message.endswith("rate: saw 0, expected 0.0001 or more")


@pytest.mark.parametrize(("rate", "said"), [("1e400", "Infinity"), ("1" + 400 * "0", "1" + 400 * "0")])
def test_a_rate_that_nobody_means(tmp_path, rate, said):
    (message,) = messages(write(tmp_path, with_keys(f"    rate: {rate}\n")))
    assert message.endswith(f"rate: saw {said}, expected 100000 or less")


def test_the_plan_has_all_digits_of_a_rate(tmp_path):
    answer = run("plan", write(tmp_path, with_keys("    rate: 12.3456789\n")))
    assert answer.stdout.splitlines()[1].split("\t")[5] == "12.3456789"


def test_a_data_set_needs_a_container_that_fetches_it(tmp_path):
    text = with_keys("    dataset_url: http://here/set.json\n")
    (message,) = messages(write(tmp_path, text))
    assert "no container of" in message and "variable DATASET_URL" in message
    fetching = edit(MANIFEST, ("      containers:\n", FETCHES))
    assert messages(write(tmp_path, text, fetching)) == []


FETCHES = """      initContainers:
        - name: fetch
          env:
            - {name: DATASET_URL, value: http://there/set.json}
      containers:
"""


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ("{SEED: 5}", "env: SEED is set by the runner, a different one for each workload"),
        ("{REQUEST_RATE: 5}", "env: REQUEST_RATE is set by the workload's 'rate'"),
        ("{1X: a}", "env: saw '1X', expected the name of an environment variable"),
        ("{DATASET_URL: 'http://x'}", "env: DATASET_URL is set by the workload's 'dataset_url'"),
        (
            "{HF_TOKEN: hf_x}",
            "called like a secret, and each run keeps its config; let the manifest take it from a Secret",
        ),
        ("{apiKey: x}", "called like a secret, and each run keeps its config; let the manifest take it from a Secret"),
        ("{A: [1]}", "saw a list, expected text; put it into quotes"),
        ("{A: 3.10}", "saw 3.1, expected text; put it into quotes"),
        ("{MAX_TOKENS: 5, KEYS: a}", ""),
        ("{A: b, C: 5, D: true}", ""),
    ],
)
def test_variables_that_a_config_may_set(tmp_path, env, said):
    found = messages(write(tmp_path, with_keys(f"    env: {env}\n")))
    assert len(found) == bool(said) and all(message.endswith(said) for message in found)


def test_what_is_wrong_with_manifests_is_said_at_once_with_the_config(tmp_path):
    found = messages(write(tmp_path, edit(CONFIG, ("mode: model-based", "mode: x"), ("job.yaml", "jab.yaml"))))
    assert any("mode: saw 'x'" in message for message in found)
    assert any("no manifest 'jab.yaml'" in message for message in found)


EVERYTHING_WRONG = f"""\
{CONFIG.partition("model_name")[0]}\
model: some/model
timeout: 59
timeout: 50
coldown: 5x
workload:
  - name: first
    job_manifest: job.yaml
    env: {{SEED: 5}}
  - name: first
    job_manifest: jab.yaml
    rates: fast
"""


def test_all_is_told_at_once_also_of_what_stands_below_a_misspelt_key(tmp_path):
    path = write(tmp_path, EVERYTHING_WRONG, edit(MANIFEST, ('value: "7"', "value: x")))
    assert [message.removeprefix(f"{tmp_path}/job.yaml:") for message in messages(path)] == [
        "9: key 'timeout' again; it was given in line 8",
        "7: unknown key 'model' in the config; did you mean 'model_name'?",
        "10: unknown key 'coldown' in the config; did you mean 'cooldown'?",
        "10: cooldown: saw '5x', expected seconds: 300, or 5m",
        "11: unknown key 'workload' in the config; did you mean 'workloads'?",
        "14: workload 'first': env: SEED is set by the runner, a different one for each workload",
        "15: a second workload named 'first' (the first is in line 12)",
        f"16: no manifest 'jab.yaml' in {tmp_path} or {config.PROJECT}",
        "17: unknown key 'rates' in workloads[1]; did you mean 'rate'?",
        "17: workloads[1].rate: saw 'fast', expected a number",
        "20: SEED: saw 'x', expected a whole number",
    ]


def test_a_timeout_is_told_with_the_rest(tmp_path):
    found = messages(write(tmp_path, edit(CONFIG, ("mode: model-based", "mode: x\ntimeout: 59"))))
    assert [message.partition(":")[0] for message in found] == ["2", "10", "12"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("rate: 5", "unknown key 'rate' in the config; it belongs in 'workloads'"),
        ("modes: x", "unknown key 'modes' in the config; did you mean 'mode'?"),
    ],
)
def test_a_key_that_is_right_elsewhere_is_not_taken_for_a_misspelt_one(tmp_path, key, said):
    (message,) = messages(write(tmp_path, f"{key}\n{CONFIG}"))
    assert message == f"1: {said}"


def test_the_nearest_of_the_projects_configs_is_named():
    assert config.nearest("capacity-based-hihg") == "capacity-based-high"
    assert config.nearest("something-else-entirely") == ""
    assert run("check", "--nearest", "model-based-hgh.yaml").stdout == "model-based-high\n"


def test_the_config_for_programs_has_seconds(tmp_path):
    text = with_keys("    env: {A: true, B: 12345678901234567890, C: x}\n")
    path, target = write(tmp_path, f"cooldown: 5m\n{text}"), tmp_path / "config.json"
    assert run("plan", path, "--config-to", target).returncode == 0
    written = json.loads(target.read_text())
    assert written["cooldown"] == 300
    assert written["workloads"][0]["env"] == {"A": "true", "B": "12345678901234567890", "C": "x"}
