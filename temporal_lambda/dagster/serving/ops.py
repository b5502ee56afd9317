"""Ops: the activities of the same name that the configure callback registered."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio.converter import value_to_type

from temporal_lambda.errors import PayloadError, SettingsError
from temporal_lambda.running import name_of

CONFIG_AND_UPSTREAM = 2
"""The most an op is given: its config, and the outputs of the ops upstream."""


@dataclass(frozen=True)
class Op:
    """An activity that can be an op.

    Attributes:
        name: The activity's name.
        function: The activity.
        arguments: How many of (config, upstream) it takes.
        model: What its config parameter is annotated with; ``None`` if nothing.
    """

    name: str
    function: Callable[..., Any]
    arguments: int
    model: Any = None

    def validate(self, config: Any, op: str) -> Any:
        """Check a config against the model, if there is one.

        Args:
            config: The config, JSON values.
            op: What to call the op in an error.

        Returns:
            What the activity is to be called with.

        Raises:
            PayloadError: It does not fit; names op and field, and no value.
        """
        if validate := getattr(self.model, "model_validate", None):
            return _validated_by_pydantic(validate, config, op)
        if dataclasses.is_dataclass(self.model) and isinstance(self.model, type):
            return _validated_by_dataclass(self.model, config, op)
        return config


class Ops:
    """The ops a handler can run.

    Args:
        activities: What the configure callback registered.
    """

    def __init__(self, activities: Iterable[Callable[..., Any]]) -> None:
        self._activities = {activity_name(function): function for function in activities}

    @property
    def names(self) -> list[str]:
        """All of them."""
        return list(self._activities)

    def find(self, name: str) -> Op:
        """The activity for an op.

        Args:
            name: The op's name; ``graph.op`` is the activity ``graph.op``, or else ``op``.

        Raises:
            PayloadError: There is none.
            SettingsError: It can't be called as an op.
        """
        function = self._activities.get(name)
        if function is None:
            function = self._activities.get(name.rpartition(".")[2])
        if function is None:
            raise PayloadError(
                f"there is no op {name!r} here: no activity of this name is in "
                f'worker_config["activities"], which has '
                f"{', '.join(map(repr, self._activities)) or 'none'}"
            )
        return _op(function)


def activity_name(function: Callable[..., Any]) -> str:
    """The name an activity is registered by.

    Raises:
        SettingsError: It is no activity.
    """
    # The SDK has no public way to ask; this is where its decorator leaves the name.
    definition = getattr(function, "__temporal_activity_definition", None)
    if definition is None:
        raise SettingsError(
            f'worker_config["activities"] has {name_of(function)}, which is no activity: decorate '
            "it with @activity.defn"
        )
    return str(definition.name)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something to await."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        type(function).__call__
    )


def _op(function: Callable[..., Any]) -> Op:
    name = activity_name(function)
    parameters = list(inspect.signature(function).parameters.values())
    required = sum(
        one.default is one.empty and one.kind is not one.VAR_POSITIONAL for one in parameters
    )
    if required > CONFIG_AND_UPSTREAM:
        raise SettingsError(
            f"activity {name} takes {required} arguments; an op takes none, its config, or its "
            "config and a dict of the outputs upstream"
        )
    takes_any = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    arguments = CONFIG_AND_UPSTREAM if takes_any else min(CONFIG_AND_UPSTREAM, len(parameters))
    model = parameter_types(function)[0] if arguments else None
    return Op(name, function, arguments, model)


def parameter_types(function: Callable[..., Any]) -> list[Any]:
    """What the parameters of a function are annotated with; ``None`` for those that aren't."""
    call = function if inspect.isroutine(function) else type(function).__call__
    hints: Mapping[str, Any] = typing.get_type_hints(call)
    return [hints.get(name) for name in inspect.signature(function).parameters]


def _validated_by_pydantic(validate: Callable[[Any], Any], config: Any, op: str) -> Any:
    try:
        return validate(config)
    except ValueError as error:
        # Its text would show the values.
        errors = getattr(error, "errors", None)
        if errors is None:
            raise
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'config'}: {one['msg']}"
            for one in errors(include_input=False, include_url=False, include_context=False)
        )
        raise PayloadError(f"the config of op {op!r} is wrong: {wrong}") from None


def _validated_by_dataclass(model: type, config: Any, op: str) -> Any:
    if not isinstance(config, dict):
        raise PayloadError(
            f"the config of op {op!r} must be an object; got a {type(config).__name__}"
        )
    fields = [one for one in dataclasses.fields(model) if one.init]
    unset = dataclasses.MISSING
    missing = [
        one.name
        for one in fields
        if one.name not in config and one.default is unset and one.default_factory is unset
    ]
    unknown = sorted(set(config) - {one.name for one in fields})
    wrong = [f"{name}: is missing" for name in missing] + [f"{name}: unknown" for name in unknown]
    hints = typing.get_type_hints(model)
    for name in hints.keys() & config.keys():
        try:
            value_to_type(hints[name], config[name])
        except Exception:
            # What the conversion says may show the value.
            wrong.append(f"{name}: is no {getattr(hints[name], '__name__', hints[name])}")
    if not wrong:
        try:
            return value_to_type(model, config)
        except Exception as error:
            wrong.append(f"{model.__name__} refuses it with a {type(error).__name__}")
    raise PayloadError(f"the config of op {op!r} is wrong: {'; '.join(wrong)}")
