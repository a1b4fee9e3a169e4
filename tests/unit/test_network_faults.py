"""How bad a network is, as people write it; who is meant; how a name looks in a packet."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from chaos_engine.adapters.clock import SystemClock
from chaos_engine.adapters.state_file import StateFiles
from chaos_engine.containers import ContainerError, NoContainers
from chaos_engine.ports import World
from scenarios.disconnect_scenarios import as_asked_for
from scenarios.helper_container import lines_of
from scenarios.network import Network, toward
from scenarios.network_scenarios import in_packet
from scenarios.rates import rate
from scenarios.registry import load
from scenarios.traffic import netem


@pytest.mark.parametrize(
    ("scenario", "parameters", "said"),
    [
        ("latency", {"delay": "0s"}, "greater than 0"),
        ("latency", {"delay": "61s"}, "'61s' is too long; allowed: at most 60s"),
        ("latency", {"delay": "1 parsec"}, "'1 parsec' is not a duration"),
        ("latency", {"delay": "10ms", "jitter": "20ms"}, "jitter 0.02s is more than delay 0.01s"),
        ("latency", {"way": "tc"}, "'auto', 'netem' or 'proxy'"),
        ("packet_loss", {"percent": "101%"}, "'101%' is no percentage; allowed: above 0%, at most 100%"),
        ("packet_loss", {"percent": 0}, "0 is no percentage"),
        ("packet_loss", {"percent": True}, "True is no percentage"),
        ("packet_loss", {"percent": "nan"}, "'nan' is no percentage"),
        ("bandwidth", {"rate": "1mbps"}, "'1mbps' is no rate; allowed: a number with bit, kbit"),
        ("bandwidth", {"rate": "1kbit"}, "from 8kbit to 10gbit"),
        ("bandwidth", {"rate": "11gbit"}, "from 8kbit to 10gbit"),
        ("partition", {"direction": "up"}, "'both', 'in' or 'out'"),
        ("dependency_timeout", {}, "Field required"),
        ("dependency_timeout", {"to": "db", "port": 0}, "greater than or equal to 1"),
        ("dns_failure", {"domains": ["not a name"]}, "'not a name' is no domain"),
        ("dns_failure", {"domains": ["-x"]}, "'-x' is no domain"),
        ("disconnect", {"net": "x"}, "Extra inputs"),
    ],
)
def test_bad_parameters_are_refused_with_what_is_allowed(
    scenario: str, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        load()[scenario].parameters.model_validate(parameters)


def test_rates_are_bits_a_second() -> None:
    assert [rate(text) for text in ("1mbit", "1.5Mbit", "64 kbit", "8000bit")] == [
        10**6,
        1500000,
        64000,
        8000,
    ]
    assert rate(rate("1mbit")) == 10**6


def test_parameters_that_were_written_down_are_read_again() -> None:
    for name, written in (("latency", {"delay": "100ms"}), ("packet_loss", {"percent": "5%"}),
                          ("bandwidth", {"rate": "1mbit"}), ("partition", {"from": "db"})):  # fmt: skip
        kind = load()[name].parameters
        parsed = kind.model_validate(written)
        assert kind.model_validate(parsed.model_dump(by_alias=True)) == parsed


def test_a_name_in_a_packet() -> None:
    assert in_packet("db") == "02646200"
    assert bytes.fromhex(in_packet("example.com")) == b"\x07example\x03com\x00"


def test_everybody_but_loopback_or_certain_addresses() -> None:
    assert toward((), (4, 6), "in") == [
        ("INPUT", ("!", "-i", "lo"), 4),
        ("INPUT", ("!", "-i", "lo"), 6),
    ]
    assert toward(("10.0.0.2", "fd00::2"), (4, 6), "both") == [
        ("INPUT", ("!", "-i", "lo", "-s", "10.0.0.2"), 4),
        ("INPUT", ("!", "-i", "lo", "-s", "fd00::2"), 6),
        ("OUTPUT", ("!", "-o", "lo", "-d", "10.0.0.2"), 4),
        ("OUTPUT", ("!", "-o", "lo", "-d", "fd00::2"), 6),
    ]


def test_the_second_family_is_there_with_its_addresses() -> None:
    assert Network({"n": ("10.0.0.2",)}).families == (4,)
    assert Network({"n": ("10.0.0.2", "fd00::2")}).families == (4, 6)


def test_a_queue_for_some_addresses_sorts_by_rules() -> None:
    made = netem(("delay", "10ms"), ("10.0.0.2",))
    assert made["queue"] == {"words": ["netem", "limit", "10000", "delay", "10ms"], "classified": True}
    (rule,) = made["rules"]
    assert rule[:2] == ("mangle", "OUTPUT")
    assert rule[2][-4:] == ("-j", "CLASSIFY", "--set-class", "c4a0:10")
    assert netem(("delay", "10ms"), ())["rules"] == []


def test_an_endpoint_is_made_again_with_what_was_asked_for_and_nothing_that_was_given() -> None:
    inspection = {"Id": "0123456789abcdef", "Config": {"MacAddress": "02:00:00:00:00:01"}}
    endpoint = {
        "IPAMConfig": {"IPv4Address": "10.0.0.7"}, "Links": ["db:database"], "DriverOpts": {"a": "b"},
        "GwPriority": 7, "Aliases": ["shop", "0123456789ab"], "MacAddress": "02:00:00:00:00:01",
        "IPAddress": "10.0.0.7", "Gateway": "10.0.0.1", "EndpointID": "x", "NetworkID": "n",
    }  # fmt: skip
    assert as_asked_for(inspection, endpoint) == {
        "IPAMConfig": {"IPv4Address": "10.0.0.7"}, "Links": ["db:database"], "DriverOpts": {"a": "b"},
        "GwPriority": 7, "Aliases": ["shop"], "MacAddress": "02:00:00:00:00:01",
    }  # fmt: skip
    given = {"IPAMConfig": None, "Aliases": None, "MacAddress": "02:42:0a:00:00:07", "IPAddress": "10.0.0.7"}
    assert as_asked_for(inspection, given) == {}


@pytest.mark.parametrize("status", [404, 409])
def test_a_helper_that_is_just_being_removed_has_told_nothing(status: int) -> None:
    class Removing(NoContainers):
        def __getattribute__(self, name: str) -> Any:
            raise ContainerError("can not get logs from container which is marked for removal", status)

    there = World(StateFiles(), SystemClock(), containers=Removing())
    assert lines_of("chaos-x", there) == []


def test_an_engine_that_does_not_answer_is_no_helper_that_told_nothing() -> None:
    with pytest.raises(ContainerError):
        lines_of("chaos-x", World(StateFiles(), SystemClock()))
