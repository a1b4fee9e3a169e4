"""A command as a function of time."""

from __future__ import annotations

from chaos_engine.rehearsal import ssm_commands as commands
from chaos_engine.rehearsal.ssm_commands import DELIVERY, Command

AT, LASTS = 1000.0, 60.0


def sent(concurrency: int = 50, **instances: bool) -> Command:
    return Command("c", "Doc", "1", AT, LASTS, {}, commands.turns(instances, AT, LASTS, concurrency))


def statuses(command: Command, seconds: float) -> list[str]:
    return [commands.look(command, one, AT + seconds).details for one in command.invocations]


def test_pending_then_in_progress_then_success() -> None:
    command = sent(a=True)
    assert statuses(command, 0) == ["Pending"]
    assert statuses(command, DELIVERY) == ["InProgress"]
    assert statuses(command, DELIVERY + LASTS - 0.1) == ["InProgress"]
    assert statuses(command, DELIVERY + LASTS) == ["Success"]
    assert commands.whole(command, AT + DELIVERY + LASTS).status == "Success"


def test_instances_take_turns() -> None:
    command = sent(2, a=True, b=True, c=True)
    assert statuses(command, DELIVERY) == ["InProgress", "InProgress", "Pending"]
    assert statuses(command, DELIVERY + LASTS) == ["Success", "Success", "InProgress"]
    assert commands.whole(command, AT + DELIVERY + LASTS).status == "InProgress"


def test_an_instance_that_cannot_be_reached_is_undeliverable() -> None:
    command = sent(a=False)
    assert statuses(command, 0) == ["Pending"]
    assert statuses(command, 1) == ["Undeliverable"]
    assert commands.whole(command, AT + 1).status == "Failed"


def test_one_success_among_the_undeliverable_is_a_success() -> None:
    command = sent(a=False, b=True, c=False)
    assert statuses(command, 2) == ["Undeliverable", "InProgress", "Undeliverable"]
    assert commands.whole(command, AT + 2).status == "InProgress"
    assert commands.whole(command, AT + 100).status == "Success"


def test_cancelled() -> None:
    command = commands.cancel(sent(a=True, b=True), frozenset({"b"}), AT + 10)
    assert statuses(command, 9) == ["InProgress", "InProgress"]
    assert statuses(command, 10) == ["InProgress", "Cancelling"]
    assert statuses(command, 10 + DELIVERY) == ["InProgress", "Cancelled"]
    assert statuses(command, 100) == ["Success", "Cancelled"]
    assert commands.whole(command, AT + 100).status == "Cancelled"


def test_what_has_ended_is_not_cancelled_any_more() -> None:
    command = commands.cancel(sent(a=True, b=False), frozenset(), AT + 100)
    assert statuses(command, 200) == ["Success", "Undeliverable"]


def test_cancelled_before_its_turn() -> None:
    command = commands.cancel(sent(1, a=True, b=True), frozenset(), AT + 10)
    (first, second) = (commands.look(command, one, AT + 20) for one in command.invocations)
    assert first.started == AT + DELIVERY
    assert second.started is None
    assert second.status == "Cancelled"


def test_a_tag_that_nobody_has() -> None:
    assert commands.whole(sent(), AT).details == "NoInstancesInTag"
