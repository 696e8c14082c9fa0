"""Names and what they stand for; settings, from which constructor, checks and config follow.

A class declared here writes its settings as annotated fields, in the order of its constructor:

    @declared(layers)
    class Dense(Layer):
        units: int = setting(positive_integer)
        use_bias: bool = setting(default=True)

A file can only name what is registered here or handed in as `custom_objects`: nothing is ever
imported because a file says so. A module of this library that is imported late is told to
`registers_later`, and imported as soon as a name is asked for that nobody knows.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar

from graftgrad.errors import ArgumentError, ConfigError, GraftError, expect
from graftgrad.plan import changes as changes

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[Any], Any]:
        """Stand in for the type checker's mark."""
        return lambda mark: mark


C = TypeVar("C", bound=type)
Rule = Callable[[str, str, Any], Any]
MISSING = inspect.Parameter.empty
_LONGEST_NAME = 200


class Registry:
    """The names of one kind of thing, such as layers or losses.

    `module` is where Keras keeps them; it is written into configurations so that Keras finds them.
    """

    def __init__(self, kind: str, module: str) -> None:
        self.kind = kind
        self.module = module
        self.known: dict[str, Any] = {}
        self.also: tuple[str, ...] = ()  # names that are settled elsewhere, by what they meet
        REGISTRIES[kind] = self

    def register(self, thing: Any, *names: str) -> None:
        """Let each name stand for a class or function; its own name is always one of them."""
        for name in (thing.__name__, *names):
            self.known.setdefault(name, thing)

    def find(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return what a name stands for: `custom_objects` are asked first, built-in names last.

        Raises:
            ConfigError: the name is not known.
        """
        for source in (custom_objects or {}, *reversed(_scopes), _custom, self.known):
            if name in source:
                return source[name]
        if _import_late():
            return self.find(name, custom_objects)
        name = name[:_LONGEST_NAME]  # it may come out of a file
        import difflib  # here: a failure alone needs it

        names = [*self.also, *self.known]
        near = difflib.get_close_matches(name, names, 3)
        near = near or [one for one in names if len(name) > 1 and name.lower() in one.lower()][:3]
        raise ConfigError(
            f"{self.kind}: must be a known name; got {name!r}. "
            + (f"Did you mean {' or '.join(near)}? " if near else "")
            + "A class of your own is made known with @graftwork.register_keras_serializable() "
            "or custom_objects={'Name': Class}."
        )

    def get(self, identifier: Any) -> Any:
        """Return an object for a name, a configuration or a class; an object comes back as it is.

        Raises:
            ConfigError: the name is not known or the configuration not understood.
        """
        if isinstance(identifier, str):
            found = self.find(identifier)
            return found() if isinstance(found, type) else found
        if isinstance(identifier, type):
            return identifier()
        if isinstance(identifier, Mapping):
            return decoded(identifier, self)
        return identifier

    def identified(self, identifier: Any) -> Any:
        """Return what `get` does; nothing else may be asked for.

        Raises:
            ConfigError: as `get`, or it is a number.
        """
        expect(not isinstance(identifier, (int, float, bytes)), self.kind,
               "must be told by a name, a configuration, a class or an object", error=ConfigError,
               identifier=identifier)  # fmt: skip
        return self.get(identifier)


REGISTRIES: dict[str, Registry] = {}
_custom: dict[str, Any] = {}
_scopes: list[Mapping[str, Any]] = []
_late: list[str] = []


def registers_later(module: str) -> None:
    """Say of a module of this library that it registers names, and is not imported yet."""
    _late.append(module)


def _import_late() -> bool:
    """Import the modules that register names later; tells whether there were any."""
    waiting = _late.copy()
    _late.clear()
    for module in waiting:
        import_module(module)
    return bool(waiting)


layers = Registry("layer", "keras.layers")
losses = Registry("loss", "keras.losses")
metrics = Registry("metric", "keras.metrics")
optimizers = Registry("optimizer", "keras.optimizers")
schedules = Registry("schedule", "keras.optimizers.schedules")
initializers = Registry("initializer", "keras.initializers")
regularizers = Registry("regularizer", "keras.regularizers")
constraints = Registry("constraint", "keras.constraints")
activations = Registry("activation", "keras.activations")
generators = Registry("random generator", "keras.random")
policies = Registry("policy", "keras")
# Functions that stand in functional models: by Keras' module and class, what has the class as
# `kind`. They are no registry: a class of a user's own may have the name of a function.
operations: dict[str, dict[str, Any]] = {}


class Setting:
    """One field of a declared class: its rules, its default, whether it must be named."""

    def __init__(self, rules: tuple[Rule, ...], default: Any, kw_only: bool) -> None:
        self.rules = rules
        self.default = default
        self.kw_only = kw_only


def setting(*rules: Rule, default: Any = MISSING, kw_only: bool = False) -> Any:
    """Declare a setting: each rule checks a value, or converts it, before it is stored."""
    return Setting(rules, default, kw_only)


@dataclass_transform(field_specifiers=(setting,), kw_only_default=False)
def declared(registry: Registry | None, *names: str) -> Callable[[C], C]:
    """Give a class its names and, from its fields, constructor, checks, config and repr."""

    def declare(kind: C) -> C:
        _declare(kind)
        if registry is not None:
            registry.register(kind, *names)
            kind.registry = registry  # type: ignore[attr-defined]
        return kind

    return declare


# What is noted on the way, and no step depends on.
PASSING = frozenset(
    {
        "_applications",
        "batches_trained",
        "located",
        "looking",
        "looks",
        "compile_settings",
        "feature_keeper",
        "history",
        "order",
        "recorded_steps",
        "released",
        "seed",
        "stop_evaluating",
        "stop_predicting",
        "stop_training",
        "_call_arguments",
        "_trains_untold",
    }
)


class Configured:
    """What every declared class can do: be printed, told as a configuration and made from one."""

    settings: dict[str, Setting] = {}  # noqa: RUF012
    registry: Registry | None = None
    given: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Remember what a user's own constructor was given, to tell it as a configuration."""
        made = super().__new__(cls)
        if not _is_declared(cls):
            object.__setattr__(made, "given", {"args": args, "kwargs": kwargs})
        return made

    def __setattr__(self, key: str, value: Any) -> None:
        changes.count += 1
        if value is None and (told := type(self).settings.get(key)) is not None:
            for rule in told.rules if told.default is None else ():
                value = rule(type(self).__name__, key, value)  # None means what it did at first
        object.__setattr__(self, key, value)

    def prepare(self) -> None:
        """Finish a new object whose settings are stored; classes override it."""

    def settings_now(self) -> dict[str, Any]:
        """Return everything that a recorded step may depend on."""
        return {key: value for key, value in vars(self).items() if key not in PASSING}

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain values, from which `from_config` makes an equal object.

        A class of the user's own is told by what its constructor was given; if it has a
        `get_config` itself, which adds these, by the settings of the class here that it extends.

        Raises:
            ConfigError: a constructor of the user's own took something that is no plain value.
        """
        kind = type(self)
        if not _is_declared(kind) and (kind.get_config.__module__ or "").startswith(
            f"{__package__}."
        ):
            return self._own_config()
        known: dict[str, Setting] = next(
            (vars(one)["settings"] for one in kind.__mro__ if _is_declared(one)), {}
        )
        return {name: encoded(getattr(self, name)) for name in known}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make an object from its settings.

        Raises:
            ConfigError: a setting is unknown or unfit.
        """
        known = inspect.signature(cls.__init__).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in known.values())
        for name in config:
            expect(
                open_ended or name in known,
                cls.__name__,
                f"settings must be among {list(known)[1:]}",
                error=ConfigError,
                setting=name,
            )
        return cls(**{name: decoded(value, None) for name, value in config.items()})

    def _own_config(self) -> dict[str, Any]:
        kind = type(self)
        bound = inspect.signature(kind).bind(*self.given["args"], **self.given["kwargs"])
        config: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            parameter = inspect.signature(kind).parameters[name]
            if parameter.kind is parameter.VAR_KEYWORD:
                config |= {key: encoded(one) for key, one in value.items()}
            else:
                config[name] = encoded(value)
        return config

    def __repr__(self) -> str:
        if not _is_declared(type(self)):
            return f"<{type(self).__name__}>"
        told = []
        for name, declared_setting in type(self).settings.items():
            value = getattr(self, name, None)
            default = _default(declared_setting, type(self).__name__, name)
            if encoded(value, strict=False) != encoded(default, strict=False):
                told.append(f"{name}={_short(value)}")
        return f"{type(self).__name__}({', '.join(told)})"


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[C], C]:
    """Make a class or function known as "package>name", so that files may name it.

    Raises:
        ConfigError: the name belongs to a built-in class.
    """

    def register(thing: C) -> C:
        short = name or thing.__name__
        _import_late()  # what they register is built-in too
        for registry in REGISTRIES.values():
            expect(registry.known.get(short, thing) is thing, "register_keras_serializable",
                   f"a name must not be that of a built-in {registry.kind}",
                   error=ConfigError, name=short, advice="Choose another name.")  # fmt: skip
        _custom[f"{package}>{short}"] = thing
        _custom[short] = thing
        thing.registered_name = f"{package}>{short}"  # type: ignore[attr-defined]
        return thing

    return register


class custom_object_scope:
    """Make names known inside a `with` block.

    Args:
        custom_objects: names, and the classes or functions that they stand for.
    """

    def __init__(self, custom_objects: Mapping[str, Any]) -> None:
        self.custom_objects = custom_objects

    def __enter__(self) -> custom_object_scope:
        _scopes.append(self.custom_objects)
        return self

    def __exit__(self, *_: object) -> None:
        _scopes.pop()


def get_custom_objects() -> dict[str, Any]:
    """Return the names that the program made known; what is written into it is known too."""
    return _custom


def get_registered_name(obj: Any) -> str:
    """Return the name under which a class or function was registered, else its own."""
    found: str = getattr(obj, "registered_name", None) or obj.__name__
    return found


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return what a registered name stands for, None if nothing."""
    for source in (*reversed(_scopes), _custom, custom_objects or {}, module_objects or {}):
        if name in source:
            return source[name]
    return None


def serialize_keras_object(obj: Any) -> Any:
    """Return an object as plain values: numbers, strings, lists and configurations.

    A function becomes a reference to its name, which whoever reads it must know.

    Raises:
        ConfigError: it cannot be told that way, for example a lambda.
    """
    if isinstance(obj, (tuple, list)):
        return [serialize_keras_object(one) for one in obj]
    if isinstance(obj, Mapping):
        return {str(key): serialize_keras_object(one) for key, one in obj.items()}
    own_name = getattr(obj, "__name__", "")
    if not callable(obj) or isinstance(obj, (Configured, type)) or not own_name.isidentifier():
        return encoded(obj)
    name = getattr(obj, "registered_name", own_name)
    if any(isinstance(room.known.get(name), type) for room in REGISTRIES.values()):
        return name  # of a loss or metric that is a class as well
    return {
        "module": "builtins", "class_name": "function", "config": name,
        "registered_name": "function",
    }  # fmt: skip


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any:
    """Return the object of a configuration; plain values come back as they are.

    Args:
        config: what `serialize_keras_object` or Keras returned.
        custom_objects: names that are known in it besides.
        safe_mode: kept for Keras' signature; code is never read from a configuration.
        kwargs: further arguments, which Keras ignores too.
    Raises:
        ConfigError: a name in it is not known, or it carries code.
    """
    with custom_object_scope(custom_objects or {}):
        return decoded(config, None)


def encoded(value: Any, strict: bool = True) -> Any:
    """Return a setting as plain values: numbers, strings, lists, dictionaries.

    Raises:
        ConfigError: it cannot be told that way, for example a lambda.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [encoded(one, strict) for one in value]
    if isinstance(value, Mapping):
        return {str(key): encoded(one, strict) for key, one in value.items()}
    if isinstance(value, Configured):
        return configuration(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if callable(value):
        return _function_name(value, strict)
    if not strict:
        return repr(value)
    raise ConfigError(
        f"configuration: a setting must be made of numbers, strings, lists and registered objects; "
        f"got {value!r}. State it in get_config() of your class."
    )


def configuration(thing: Configured) -> dict[str, Any]:
    """Return a configuration in Keras' form: module, class name, settings."""
    kind = type(thing)
    registered = (
        getattr(kind, "registered_name", None)
        if kind.registry is None or (kind.registry.known.get(kind.__name__) is not kind)
        else None
    )
    module = kind.registry.module if registered is None and kind.registry else None
    return {
        "module": module,
        "class_name": vars(kind).get("exported_name", kind.__name__),
        "config": thing.get_config(),
        "registered_name": registered,
    }


def decoded(value: Any, registry: Registry | None) -> Any:
    """Return the object of a configuration; anything that is not one comes back as it is.

    Raises:
        ConfigError: a name in it is not known.
    """
    if not isinstance(value, Mapping):
        return [decoded(one, registry) for one in value] if isinstance(value, list) else value
    if "class_name" not in value:
        return {key: decoded(one, registry) for key, one in value.items()}
    expect(isinstance(value["class_name"], str), "configuration", "class_name must be a string",
           error=ConfigError, class_name=value["class_name"])  # fmt: skip
    found = found_class(value, registry)
    settings = value.get("config") or {}
    if not isinstance(found, type):  # a function, such as an activation
        return found
    expect(isinstance(settings, Mapping), "configuration", "config must be a dictionary",
           error=ConfigError, class_name=value["class_name"], config=settings)  # fmt: skip
    try:
        return found.from_config(settings)  # type: ignore[attr-defined]
    except TypeError as error:
        raise ConfigError(
            f"{value['class_name']}: settings must fit its constructor; got {error}."
        ) from error


def found_class(value: Mapping[str, Any], registry: Registry | None) -> Any:
    """Return the class that a configuration names.

    Raises:
        ConfigError: the name is not known, or the registered name contradicts the class name.
    """
    name = value["class_name"]
    registered = value.get("registered_name")
    functions = operations.get(str(value.get("module")), {})
    if name in functions:
        return functions[name].kind
    if name == "function":  # Keras' form of a reference to a function
        name, registered = str(value.get("config")), None
    if registered and registered != name and ">" in str(registered):
        expect(str(registered).split(">")[-1] == name, "configuration",
               "registered_name must end in class_name", error=ConfigError,
               class_name=name, registered_name=registered)  # fmt: skip
        if _known_custom(registered):
            return (registry or layers).find(registered)
    return _anywhere(name, registry or _room(value.get("module"), name))


def _room(module: Any, name: str) -> Registry | None:
    """Return the registry that a configuration's module names, where several know the class."""
    rooms = (one for one in REGISTRIES.values() if one.module == module and name in one.known)
    return next(rooms, None)


def _known_custom(name: str) -> bool:
    return name in _custom or any(name in scope for scope in _scopes)


def _anywhere(name: str, registry: Registry | None) -> Any:
    if registry is not None:
        return registry.find(name)
    if _known_custom(name):
        return layers.find(name)
    for one in REGISTRIES.values():
        if name in one.known:
            return one.known[name]
    return layers.find(name)


def unique_name(prefix: str) -> str:
    """Return a name that no object of this run has yet: "dense", then "dense_1" and so on."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


_counts: dict[str, int] = {}


def clear_names() -> None:
    """Begin to count names anew."""
    _counts.clear()


def snake_case(name: str) -> str:
    """Turn "Conv2DTranspose" into "conv2d_transpose", as Keras names its objects."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


# -- how a declaration is read -------------------------------------------------------------------


def _is_declared(kind: type) -> bool:
    return "settings" in vars(kind)


def _declare(kind: type) -> None:
    inherited: dict[str, Setting] = dict(getattr(kind, "settings", {}))
    own = {name: value for name, value in vars(kind).items() if isinstance(value, Setting)}
    for name in own:
        delattr(kind, name)
    fresh = {name: one for name, one in own.items() if name not in inherited}
    merged = {**fresh, **inherited, **own}  # a class's new settings come before those it inherits
    if inherited and own.keys() >= inherited.keys():
        merged = own  # a class that names them all says their order
    ordered = {n: s for n, s in merged.items() if not s.kw_only}
    ordered |= {n: s for n, s in merged.items() if s.kw_only}
    kind.settings = ordered  # type: ignore[attr-defined]
    if "__init__" not in vars(kind):
        kind.__init__ = Constructor(kind.__name__, ordered)  # type: ignore[misc]


class Constructor:
    """The constructor of a declared class: it checks and stores the settings.

    Its signature is made when somebody asks for it, or makes the first object: a program uses a
    few of the classes.
    """

    def __init__(self, subject: str, settings: dict[str, Setting]) -> None:
        self.subject = subject
        self.settings = settings

    @cached_property
    def __signature__(self) -> inspect.Signature:
        named, named_only = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature(
            [inspect.Parameter("self", named)]
            + [
                inspect.Parameter(name, named_only if one.kw_only else named, default=one.default)
                for name, one in self.settings.items()
            ]
        )

    def __get__(self, made: Any, kind: type | None = None) -> Any:
        return self if made is None else MethodType(self, made)

    def __call__(self, made: Any, /, *args: Any, **kwargs: Any) -> None:
        """Store the settings in a new object.

        Raises:
            ArgumentError: an argument is unknown, missing or given twice.
            ConfigError: an argument is unfit.
        """
        try:
            bound = self.__signature__.bind(made, *args, **kwargs)
        except TypeError as error:
            raise ArgumentError(_misfit(self.subject, self.__signature__, str(error))) from error
        bound.apply_defaults()
        for name, one in self.settings.items():
            value = bound.arguments[name]
            for rule in one.rules:
                value = rule(self.subject, name, value)
            object.__setattr__(made, name, value)
        made.prepare()


def _misfit(subject: str, signature: inspect.Signature, error: str) -> str:
    """Say which argument is unknown or missing, what may have been meant, and how it is made."""
    name = re.search(r"'(\w+)'", error)
    given = name.group(1)[:_LONGEST_NAME] if name else ""
    made = f"It is made as {subject}{_call(signature)}."
    if "unexpected keyword" in error:
        import difflib  # here: a failure alone needs it

        near = difflib.get_close_matches(given, list(signature.parameters)[1:], 1, 0.5)
        near = near or [one for one in signature.parameters if given == _initials(one)]
        meant = f" Did you mean {near[0]}?" if near else ""
        return f"{subject}: arguments must be known; got {given}.{meant} {made}"
    if "missing" in error:
        return f"{subject}: argument {given} must be given; got none. {made}"
    return f"{subject}: arguments must fit its constructor; got {error}. {made}"


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))


def _call(signature: inspect.Signature) -> str:
    shown = [p.replace(annotation=MISSING) for p in signature.parameters.values()][1:]
    return str(inspect.Signature(shown))


def _default(one: Setting, subject: str, name: str) -> Any:
    value = one.default
    if value is MISSING:
        return MISSING
    try:
        for rule in one.rules:
            value = rule(subject, name, value)
    except GraftError:
        return MISSING
    return value


def _short(value: Any) -> str:
    if isinstance(value, Configured):
        return repr(value)
    return getattr(value, "__name__", None) or repr(value)


def _function_name(function: Any, strict: bool) -> Any:
    own_name: str = getattr(function, "__name__", repr(function))
    name: str = getattr(function, "registered_name", None) or own_name
    if any(one.known.get(name) is function for one in REGISTRIES.values()) or name in _custom:
        return name
    if not strict:
        return name
    raise ConfigError(
        f"configuration: a function must be registered to be told by name; got {name}. "
        "Register it with @graftwork.register_keras_serializable()."
    )
