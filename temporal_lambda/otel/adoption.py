"""Makes an existing tracer provider safe for Temporal's workflows."""

from __future__ import annotations

import copy
import logging
from functools import cache

from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.util.types import Attributes
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider, create_tracer_provider

logger = logging.getLogger(__name__)


def is_unset(provider: trace.TracerProvider) -> bool:
    """Whether no provider was set, so that this is OpenTelemetry's own placeholder."""
    return isinstance(provider, trace.ProxyTracerProvider)


def workflows_can_be_traced() -> bool:
    """Make the global provider replay-safe, which Temporal's plugin requires for workflows.

    Returns:
        False, with one warning, if there is no provider or it can't be made replay-safe.
    """
    provider = trace.get_tracer_provider()
    if isinstance(provider, ReplaySafeTracerProvider):
        return True
    if is_unset(provider):
        _tell_once(
            "no tracer provider is set, so Temporal's spans are not recorded; apply_defaults sets "
            "one"
        )
        return False
    if isinstance(provider, TracerProvider) and adopt(provider):
        return True
    _tell_once(
        f"the global tracer provider, a {type(provider).__qualname__}, can't be made safe for "
        "workflows, so Temporal's spans are not recorded; use create_tracer_provider of "
        "temporalio.contrib.opentelemetry instead"
    )
    return False


def adopt(provider: TracerProvider) -> bool:
    """Turn a provider into a replay-safe one, in place.

    OpenTelemetry's global provider can be set only once, and Temporal's plugin requires it to be a
    ``ReplaySafeTracerProvider``. So the existing object becomes one: its state moves to a twin,
    which it wraps from then on. Processors, exporters, sampler and resource are kept.

    Returns:
        False if the provider's class doesn't allow its objects to change class.
    """
    generator = create_tracer_provider(
        id_generator=provider.id_generator, shutdown_on_exit=False
    ).id_generator()
    cls, twin = type(provider), copy.copy(provider)
    try:
        twin.__class__ = type(cls.__name__, (_Seeding, cls), {})
        provider.__class__ = type(f"ReplaySafe{cls.__name__}", (ReplaySafeTracerProvider, cls), {})
    except TypeError:
        return False
    twin.id_generator = generator  # type: ignore[assignment] # Declared as its default's class.
    # As an attribute it would hide the replay-safe provider's method of that name.
    del provider.id_generator
    ReplaySafeTracerProvider.__init__(provider, twin, generator)  # type: ignore[arg-type] # It is one now.
    logger.info("the global tracer provider, a %s, was made safe for workflows", cls.__qualname__)
    return True


class _Seeding(TracerProvider):
    """Gives the new id generator to tracers that existed before, when they are requested again."""

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """See base class."""
        tracer = super().get_tracer(
            instrumenting_module_name, instrumenting_library_version, schema_url, attributes
        )
        if isinstance(tracer, Tracer):
            tracer.id_generator = self.id_generator
        return tracer


@cache
def _tell_once(message: str) -> None:
    logger.warning(message)
