"""SendCommand and what follows it, for boto3 and the command line of AWS. Commands take their time here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.exceptions import SSMException, ValidationException
from pydantic import ValidationError

from chaos_engine.rehearsal import ssm_commands as commands
from chaos_engine.rehearsal.automation_document import Parameter, RefusedError
from chaos_engine.rehearsal.automation_fleet import check_controls, share
from chaos_engine.rehearsal.ssm_base import Ssm, new_id, refusing
from chaos_engine.rehearsal.ssm_commands import Command, Invocation
from chaos_engine.rehearsal.ssm_commands_view import Asked, command_shown, invocation_shown, result_shown
from chaos_engine.rehearsal.ssm_instances import GONE, states, targeted
from chaos_engine.rehearsal.ssm_pages import (
    UnknownKeyError,
    UnknownTokenError,
    filtered,
    moment,
    page,
)
from chaos_engine.rehearsal.ssm_parameters import values

_NOT_REHEARSED = ("AlarmConfiguration", "DocumentHash")
SHORT = 1.0  # seconds that a document takes which has no DurationSeconds
Part = tuple[Command, Invocation]


class CommandsApi(Ssm):
    """Commands of the caller's account and region."""

    def send_command(self) -> ActionResult:
        """Pending, then InProgress for DurationSeconds, then Success; each instance by itself."""
        asked = self.asked()
        for key in _NOT_REHEARSED:
            if asked.get(key):
                raise ValidationException(f"{key} is not rehearsed")
        with self.world.lock:
            command = self._command(asked)
            self.commands()[command.id] = command
            return ActionResult({"Command": command_shown(command, self.now())})

    def cancel_command(self) -> ActionResult:
        """On the instances that are named, or on all."""
        asked = self.asked()
        with self.world.lock:
            command = self._sent(asked["CommandId"])
            instances = frozenset(asked.get("InstanceIds") or ())
            if strange := instances - {one.instance for one in command.invocations}:
                raise SSMException("InvalidInstanceId", f"the command was not sent to {min(strange)}")
            self.commands()[command.id] = commands.cancel(command, instances, self.now())
        return EmptyResult()

    def list_commands(self) -> ActionResult:
        """Newest first."""
        asked, now = self.asked(), self.now()
        with self.world.lock, _listing():
            tests = _tests(lambda one: commands.whole(one, now).status, lambda one: one)
            found = filtered(self._chosen(asked), _filters(asked), tests)
            shown, token = page(found, lambda one: one.id, asked.get("MaxResults"), asked.get("NextToken"))
            return ActionResult({"Commands": [command_shown(one, now) for one in shown], "NextToken": token})

    def list_command_invocations(self) -> ActionResult:
        """Newest command first, then by instance; `Details` adds the plugin."""
        asked, now = self.asked(), self.now()
        with self.world.lock, _listing():
            tests = _tests(lambda part: commands.look(part[0], part[1], now).status, lambda part: part[0])
            found = filtered(self._parts(asked), _filters(asked), tests)
            shown, token = page(found, _part_name, asked.get("MaxResults"), asked.get("NextToken"))
            details = bool(asked.get("Details"))
            parts = [invocation_shown(command, one, now, details=details) for command, one in shown]
            return ActionResult({"CommandInvocations": parts, "NextToken": token})

    def get_command_invocation(self) -> ActionResult:
        """One instance's part."""
        asked = self.asked()
        with self.world.lock:
            command = self._sent(asked["CommandId"])
            if (plugin := asked.get("PluginName")) not in (None, command.plugin):
                raise SSMException("InvalidPluginName", f"the command has no plugin {plugin}")
            for one in command.invocations:
                if one.instance == asked["InstanceId"]:
                    return ActionResult(result_shown(command, one, self.now()))
        said = f"the command was not sent to {asked['InstanceId']}"
        raise SSMException("InvocationDoesNotExist", said)

    def _command(self, asked: Asked) -> Command:
        document = self.document(asked["DocumentName"], asked.get("DocumentVersion"))
        if document.document_type != "Command":
            raise SSMException("InvalidDocument", f"the document {document.name} is not of type Command")
        with refusing("InvalidParameters"):
            lasts = _lasts(document.content_json.get("parameters") or {}, asked.get("Parameters") or {})
        reachable, at = self._instances(asked), self.now()
        turns = commands.turns(reachable, at, lasts, _concurrency(asked, len(reachable)))
        return Command(new_id(), document.name, document.document_version, at, lasts, asked, turns)

    def _instances(self, asked: Asked) -> dict[str, bool]:
        """Whether each can be reached. InvalidInstanceId: one that is named is unknown, or is gone."""
        every = states(self.current_account, self.region)
        named = list(asked.get("InstanceIds") or ())
        for name in named:
            if every.get(name, "terminated") in GONE:
                raise SSMException("InvalidInstanceId", f"{name} is not in a valid state for this account")
        found = {name: every[name] == "running" for name in named}
        for target in asked.get("Targets") or ():
            found |= self._targeted(target, every)
        if not named and not asked.get("Targets"):
            raise ValidationException("InstanceIds or Targets is needed")
        return found

    def _targeted(self, target: Mapping[str, Any], every: Mapping[str, str]) -> dict[str, bool]:
        if target["Key"].lower() == "instanceids":
            return {name: every.get(name) == "running" for name in target["Values"]}
        with refusing("ValidationException"):
            chosen = targeted(self.current_account, self.region, target)
        return {name: state == "running" for name, state in chosen.items()}

    def _sent(self, id_: str) -> Command:
        try:
            return self.commands()[id_]
        except KeyError:
            raise SSMException("InvalidCommandId", f"there is no command {id_}") from None

    def _chosen(self, asked: Asked) -> list[Command]:
        id_, instance = asked.get("CommandId"), asked.get("InstanceId")
        found = [self._sent(id_)] if id_ else list(reversed(self.commands().values()))
        return [
            one for one in found if not instance or instance in {part.instance for part in one.invocations}
        ]

    def _parts(self, asked: Asked) -> list[Part]:
        instance = asked.get("InstanceId")
        every = [(command, part) for command in self._chosen(asked) for part in command.invocations]
        return [(command, part) for command, part in every if instance in (None, part.instance)]


def _lasts(written: Mapping[str, Any], given: Mapping[str, Any]) -> float:
    """Seconds, as the document's own parameters have it. RefusedError names a parameter that is wrong."""
    try:
        parameters = {name: Parameter.model_validate(one) for name, one in written.items()}
    except ValidationError as error:
        raise RefusedError(f"the document's parameters: {error}") from None
    lists = {name: [text] if isinstance(text, str) else text for name, text in given.items()}
    duration = values(parameters, lists).get("DurationSeconds", SHORT)
    return float(str(duration))


def _concurrency(asked: Asked, total: int) -> int:
    written, errors = str(asked.get("MaxConcurrency", "50")), str(asked.get("MaxErrors", "0"))
    with refusing("ValidationException"):
        check_controls(written, errors)
    return max(1, share(written, total))


def _part_name(part: Part) -> str:
    return f"{part[0].id}/{part[1].instance}"


def _filters(asked: Asked) -> list[dict[str, Any]]:
    """Commands write their filters in small letters, and with one value."""
    return [{"Key": one["key"], "Values": [one["value"]]} for one in asked.get("Filters") or ()]


def _tests(
    status: Callable[[Any], str], command: Callable[[Any], Command]
) -> dict[str, Callable[[Any, str], bool]]:
    return {
        "Status": lambda one, value: status(one) == value,
        "DocumentName": lambda one, value: command(one).document == value,
        "InvokedAfter": lambda one, value: command(one).at >= moment(value),
        "InvokedBefore": lambda one, value: command(one).at < moment(value),
    }


@contextmanager
def _listing() -> Iterator[None]:
    """Commands know no error for a filter's value: it is one of the key."""
    try:
        yield
    except UnknownTokenError as error:
        raise SSMException("InvalidNextToken", str(error)) from None
    except UnknownKeyError as error:
        raise SSMException("InvalidFilterKey", str(error)) from None
    except RefusedError as error:
        raise ValidationException(str(error)) from None
