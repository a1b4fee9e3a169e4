"""The two root modules' own arrows, which import-linter cannot see; and that pure code stays pure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = [
    "scheduler.py",
    *(
        f"chaos_engine/{name}.py"
        for name in (
            "model", "life", "experiment", "transitions", "answers", "moves", "questions",
            "conclusion", "criteria", "duties", "fitness", "janitor", "by_hand", "junit",
            "durations", "moments", "retention", "journal_fields", "assembly", "reconcile", "snapshot",
            "switches", "changes", "effective", "steering", "guardrails", "approvals",
            "admission", "rollbacks", "worst_case", "ramps", "ramp_checks", "guardrail_fields",
            "schedule_fields",
            "rehearsal/iso_duration", "rehearsal/fis_catalog", "rehearsal/fis_course",
            "rehearsal/feed", "rehearsal/fis_targets", "rehearsal/fis_template", "rehearsal/fis_wait",
            "original", "chaos_machine", "metric_queries", "cloud", "containers", "container_fields",
            "spelling", "docker_proxy/calls", "docker_proxy/copy_form", "docker_proxy/helper_form",
            "input_checks", "raw_queries", "hand_checks", "outlook", "web/plainness", "web/rates",
            "docker_proxy/scope", "docker_proxy/refusal", "proposal/reading", "proposal/guessing",
            "proposal/settings_text", "proposal/override_text", "proposal/flags_text",
            "toolkit_runs",
            "catalogue/model", "catalogue/fields", "catalogue/scenario_entries", "catalogue/probe_entries",
            "catalogue/toolkit_entries", "catalogue/search", "catalogue/text", "probe_keys",
            "overdue", "occasions", "payload", "notice_fields",
        )
    ),
    *(
        f"chaos_engine/rehearsal/{name}.py"
        for name in (
            "alarm_book", "alarm_evaluation", "alarm_history", "alarm_model", "alarm_reasons", "alarm_rule",
            "alarm_watch", "cloudwatch_alarms", "cloudwatch_pages", "cloudwatch_queries",
            "cloudwatch_requests", "cloudwatch_samples", "metric_math", "metric_math_functions",
            "metric_math_syntax", "metric_math_time", "metric_math_values", "metric_statistics",
        )
    ),
    *(
        f"chaos_engine/rehearsal/{name}.py"
        for name in (
            "automation_actions", "automation_branch", "automation_checks", "automation_document",
            "automation_fleet", "automation_lists", "automation_machine", "automation_model",
            "automation_names", "automation_selectors", "automation_start", "automation_steps",
            "automation_variables", "automation_view", "ssm_commands", "ssm_commands_view",
            "ssm_owned", "ssm_pages", "ssm_parameters",
        )
    ),
    *(
        f"chaos_engine/report/{name}.py"
        for name in ("advice", "document", "figures", "lessons", "numbers", "picture", "timeline", "trials")
    ),
    *(str(path.relative_to(ROOT)) for path in (ROOT / "evaluators").glob("*.py")),
    *(
        f"scenarios/{name}.py"
        for name in ("aws", "automation_course", "command_course", "fis_bounds", "fis_course", "ssm",
            "container", "helper", "helper_container", "helper_end", "selection", "strays", "downtime",
            "whole_service", "environment",
            "replacement", "coming_back", "amounts", "asking", "paths", "rates",
            "disconnect_scenarios", "network", "network_scenarios", "traffic",
            "traffic_scenarios", "abilities",
            "census", "flagd", "flag_scenarios",
            "toolkit_record", "toolkit_course", "toolkit_scenarios",
            "stress",
            "lambda_settings", "lambda_function", "lambda_configured", "lambda_scenarios",
            "lambda_concurrency_scenarios",
            "failure_forms", "failure_parameter", "failure_parameter_scenarios",
        )
    ),
]  # fmt: skip
IMPURE = {
    "time",
    "os",
    "subprocess",
    "socket",
    "threading",
    "requests",
    "http.client",
    "urllib.request",
    "signal",
}


def imports(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_scheduler_knows_only_the_words() -> None:
    own = {
        name for name in imports(ROOT / "scheduler.py") if name.split(".")[0] in ("chaos_engine", "scenarios")
    }
    assert own == {"chaos_engine.model"}


def test_the_engine_reaches_the_world_through_its_surroundings_alone() -> None:
    names = imports(ROOT / "engine.py")
    assert not {name for name in names if name.startswith(("chaos_engine.adapters", "target_app"))}
    assert not names & IMPURE - {"signal"}


@pytest.mark.parametrize("file", PURE)
def test_pure_code_has_no_clock_no_thread_and_no_socket(file: str) -> None:
    assert not imports(ROOT / file) & IMPURE


@pytest.mark.parametrize("file", PURE)
def test_pure_code_uses_no_global_randomness(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    assert not [n.attr for n in calls if isinstance(n.value, ast.Name) and n.value.id == "random"]


@pytest.mark.parametrize("package", ["boto3", "docker", "requests"])
def test_only_adapters_import_what_talks_to_the_world(package: str) -> None:
    files = [
        *ROOT.glob("*.py"),
        *(f for d in ("chaos_engine", "scenarios", "evaluators") for f in (ROOT / d).rglob("*.py")),
    ]
    guilty = [f.name for f in files if package in imports(f) and f.parent.name != "adapters"]
    assert not guilty
