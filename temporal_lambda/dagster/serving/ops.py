"""Ops: the activities of the same name that the configure callback registered."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from temporalio.converter import value_to_type

from temporal_lambda.dagster.serving.plan import CONFIG_AND_UPSTREAM
from temporal_lambda.errors import PayloadError, SettingsError
from temporal_lambda.naming import ACTIVITY_DEFINITION, name_of


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


class Ops:
    """The ops a handler can run.

    Args:
        activities: What the configure callback registered.
    """

    def __init__(self, activities: Iterable[Callable[..., Any]]) -> None:
        self._activities = {
            activity_name(function): function for function in activities if not is_dynamic(function)
        }

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
    definition = getattr(function, ACTIVITY_DEFINITION, None)
    if definition is None:
        raise SettingsError(
            f'worker_config["activities"] has {name_of(function)}, which is no activity: decorate '
            "it with @activity.defn"
        )
    return str(definition.name)


def is_dynamic(function: Callable[..., Any]) -> bool:
    """Whether it is an activity without a name, which is called for whatever has no other."""
    definition = getattr(function, ACTIVITY_DEFINITION, None)
    return definition is not None and definition.name is None


def config_model(function: Callable[..., Any]) -> Any:
    """What the config parameter of an activity is annotated with; ``None`` if nothing."""
    return next(iter(parameter_types(function)), None)


def validate(model: Any, config: Any, op: str) -> None:
    """Check a config against a model.

    Args:
        model: A dataclass or a pydantic model; anything else fits everything.
        config: The config, JSON values.
        op: What to call the op in an error.

    Raises:
        PayloadError: It does not fit; names op and field, and no value.
    """
    if check := getattr(model, "model_validate", None):
        _check_by_pydantic(check, config, op)
    elif dataclasses.is_dataclass(model) and isinstance(model, type):
        _check_by_dataclass(model, config, op)


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
    return Op(name, function, arguments, config_model(function) if arguments else None)


def parameter_types(function: Callable[..., Any]) -> list[Any]:
    """What the parameters of a function are annotated with; ``None`` for those that aren't."""
    call = function if inspect.isroutine(function) else type(function).__call__
    hints: Mapping[str, Any] = typing.get_type_hints(call)
    return [hints.get(name) for name in inspect.signature(function).parameters]


def _check_by_pydantic(check: Callable[[Any], Any], config: Any, op: str) -> None:
    try:
        check(config)
        return
    except ValueError as error:
        # Its text, and messages of the model's own validators, may show the values.
        errors = getattr(error, "errors", None)
        told = errors(include_input=False, include_url=False) if errors else []
        wrong = [
            f"{'.'.join(map(str, one['loc'])) or 'config'}: "
            + (one["type"] if "error" in one.get("ctx", {}) else one["msg"])
            for one in told
        ]
    # Out of reach of the error above: as its context, it would be shown with this one.
    raise PayloadError(f"the config of op {op!r} is wrong: {'; '.join(wrong) or 'refused'}")


def _check_by_dataclass(model: type, config: Any, op: str) -> None:
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
            value_to_type(model, config)
        except Exception as error:
            wrong.append(f"{model.__name__} refuses it with a {type(error).__name__}")
    if wrong:
        raise PayloadError(f"the config of op {op!r} is wrong: {'; '.join(wrong)}")
