"""The error tree of AtomLoop: every refusal names its culprit and its remedy.

::

    AtomLoopError                     code, message, remedy
    ├── ConfigurationError            a setting, key or dependency the operator can mend
    │   ├── MissingDependencyError    an optional package is not installed
    │   ├── PortInUseError            another process owns the address
    │   └── KeyRefusedError           a key is missing, malformed or not authorised
    ├── InputError                    a file, frame or structure from outside
    │   ├── UnreadableFileError       truncated, unknown or damaged
    │   ├── UncalibratedError         neither a calibration nor a recognisable lattice
    │   └── StructureError            atoms that cannot be simulated as given
    ├── ProtocolError                 bytes that break the frame link's contract
    │   ├── LocalProtocolError        our side asked for something illegal
    │   └── RemoteProtocolError       the peer sent something illegal
    ├── ModelError                    a detector model that must not be served
    ├── LevelUnavailableError         a level of theory this host cannot run
    ├── SimulationError               a calculation that ended without an answer
    │   └── NotConvergedError         the electrons did not settle; milder settings may help
    ├── DatabaseError                 a database that is away or would mislaunch
    └── InternalError                 a defect of AtomLoop itself, contained to one input
"""

from __future__ import annotations

__all__ = [
    "AtomLoopError",
    "ConfigurationError",
    "DatabaseError",
    "InputError",
    "InternalError",
    "KeyRefusedError",
    "LevelUnavailableError",
    "LocalProtocolError",
    "MissingDependencyError",
    "ModelError",
    "NotConvergedError",
    "PortInUseError",
    "ProtocolError",
    "RemoteProtocolError",
    "SimulationError",
    "StructureError",
    "UncalibratedError",
    "UnreadableFileError",
]


class AtomLoopError(Exception):
    """Base of every error AtomLoop raises on purpose.

    Args:
        message: What is wrong, naming the culprit (a file, a setting, a peer).
        remedy: What the reader can do about it, in the imperative.

    Attributes:
        code: Stable machine-readable name of the kind of error (kebab case).
        message: As given.
        remedy: As given.
    """

    code = "error"

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} Remedy: {self.remedy}"


class ConfigurationError(AtomLoopError):
    """A setting, key or installation that the operator can mend."""

    code = "configuration"


class MissingDependencyError(ConfigurationError):
    """An optional package, needed for what was asked, is not installed."""

    code = "missing-dependency"


class PortInUseError(ConfigurationError):
    """Another process owns the address a service was told to listen on."""

    code = "port-in-use"


class KeyRefusedError(ConfigurationError):
    """A key is missing, malformed, or not on the other side's allow-list."""

    code = "key-refused"


class InputError(AtomLoopError):
    """Something handed in from outside cannot be used as it is."""

    code = "input"


class UnreadableFileError(InputError):
    """A file is truncated, damaged or of an unknown format."""

    code = "unreadable-file"


class UncalibratedError(InputError):
    """An image has neither a calibration nor a lattice to measure one from."""

    code = "uncalibrated"


class StructureError(InputError):
    """Atoms that cannot be turned into a simulation as given."""

    code = "structure"


class ProtocolError(AtomLoopError):
    """Bytes or calls that break the frame link's contract."""

    code = "protocol"


class LocalProtocolError(ProtocolError):
    """Our own side asked the protocol for something illegal in its state."""

    code = "local-protocol"


class RemoteProtocolError(ProtocolError):
    """The peer sent something illegal: malformed, too large or out of turn."""

    code = "remote-protocol"


class ModelError(AtomLoopError):
    """A detector model that must not be served: tampered, alien or inaccurate."""

    code = "model"


class LevelUnavailableError(AtomLoopError):
    """A level of theory that this host cannot run."""

    code = "level-unavailable"


class SimulationError(AtomLoopError):
    """A calculation that ended without an answer, and why."""

    code = "simulation"


class NotConvergedError(SimulationError):
    """A self-consistent field that did not converge; milder numerics may mend it."""

    code = "scf-not-converged"


class DatabaseError(AtomLoopError):
    """A database that is out of reach, or that would mislaunch workflows."""

    code = "database"


class InternalError(AtomLoopError):
    """A defect of AtomLoop itself, contained so that the other inputs go on.

    Args:
        what: What was being done, and to what.
        cause: The exception nobody expected.
    """

    code = "internal"

    def __init__(self, what: str, cause: Exception) -> None:
        super().__init__(
            f"{what} failed unexpectedly: {type(cause).__name__}: {cause}.",
            remedy="Report it with the input; the service goes on with the next.",
        )
