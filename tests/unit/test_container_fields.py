"""How users say which containers a target is, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos_engine.config import load_settings
from chaos_engine.containers import Replicas, Selector
from chaos_engine.written import ConfigError


def target(text: str, tmp_path: Path) -> Selector | None:
    file = tmp_path / "chaos.yml"
    file.write_text(f"targets:\n  web: {text}\nscenarios: {{pause: {{}}}}\n")
    return load_settings(file, {}).targets["web"].containers


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("{compose_service: web}", Selector(service="web")),
        ("{compose_service: web, compose_project: shop}", Selector(service="web", project="shop")),
        ("{container: shop-web-1}", Selector(container="shop-web-1")),
        ("{labelled: true, zone: a}", Selector(labelled=True, zone="a")),
        (
            "{compose_service: web, replicas: 50%, at_most: 2, min_healthy: 1}",
            Selector(service="web", replicas=Replicas(share=0.5), at_most=Replicas(count=2), min_healthy=1),
        ),
        ("{compose_service: web, replicas: all}", Selector(service="web", replicas=Replicas(every=True))),
        (
            "{compose_service: web, replicas: random}",
            Selector(service="web", replicas=Replicas(any_number=True)),
        ),
        ("{compose_service: web, replicas: 3}", Selector(service="web", replicas=Replicas(count=3))),
    ],
)
def test_what_is_understood(text: str, selector: Selector, tmp_path: Path) -> None:
    assert target(text, tmp_path) == selector


COUNTS = "allowed: a count such as 2, a share such as 50%, random, or all"


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("{compose_service: web, replicas: 101%}", ".replicas", "'101%' is no share; allowed: above 0%"),
        ("{compose_service: web, replicas: 0%}", ".replicas", "'0%' is no share"),
        ("{compose_service: web, replicas: lots%}", ".replicas", "'lots%' is no share"),
        ("{compose_service: web, replicas: 0}", ".replicas", f"0 is no number of replicas; {COUNTS}"),
        ("{compose_service: web, replicas: -1}", ".replicas", f"-1 is no number of replicas; {COUNTS}"),
        ("{compose_service: web, replicas: 1.5}", ".replicas", f"1.5 is no number of replicas; {COUNTS}"),
        ("{compose_service: web, replicas: true}", ".replicas", f"True is no number of replicas; {COUNTS}"),
        ("{compose_service: web, replicas: some}", ".replicas", f"'some' is no number of replicas; {COUNTS}"),
        ("{compose_service: web, at_most: all}", ".at_most", "'all' is no limit; allowed: a count such as 2"),
        ("{compose_service: web, at_most: random}", ".at_most", "'random' is no limit"),
        ("{compose_service: web, min_healthy: -1}", ".min_healthy", "-1 does not do; allowed: at least 0"),
        ("{compose_service: web, min_healthy: 50%}", ".min_healthy", "allowed: a whole number"),
        ("{compose_service: ''}", ".compose_service", "'' does not do; allowed: a text"),
        ("{compose_service: web, labelled: 'yes'}", ".labelled", "'yes' does not do; allowed: true or false"),
        ("{compose_service: web, container: web-1}", "web", "both compose_service and container"),
        ("{container: web-1, compose_project: a}", "web", "compose_project and labelled do not go with it"),
        ("{container: web-1, labelled: true}", "web", "compose_project and labelled do not go with it"),
        ("{state_file: /chaos/a, replicas: 2}", "web", "replicas without a container"),
        ("{compose_servise: web}", "compose_servise", "did you mean 'compose_service'?"),
        ("{state_file: /chaos/a}", "scenarios", "names no container; allowed: with compose_service"),
    ],
)
def test_what_is_refused_names_field_value_and_what_is_allowed(
    text: str, field: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        target(text, tmp_path)
    assert any(field in problem and said in problem for problem in caught.value.problems), caught.value
