"""What can go wrong with a simulation that its user can mend."""

from shared.errors import AppError


class SimulationError(AppError):
    """The simulators cannot serve; the message says what to do."""

    code = "SIMULATION_FAILED"


class DemoError(AppError):
    """The demo cannot start or go on; the message says what to do."""

    code = "DEMO_FAILED"
