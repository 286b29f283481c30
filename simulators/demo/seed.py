"""What the demo's organization begins with: its people, machines, work orders and gateway."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from simulators.machine import Machine

ORGANIZATION = "Demo"
GATEWAY = "demo-hall"
USERS = {"admin": "admin", "planner": "planner", "worker": "worker"}
_MAKERS = {
    "PRESS": ("injection_press", "Arburg", "Allrounder 570"),
    "CNC": ("cnc_mill", "DMG Mori", "CMX 600 V"),
    "PACKER": ("packer", "Bosch", "Pack 102"),
}


def document(machines: Sequence[Machine], password: str, now: datetime) -> dict[str, Any]:
    """Return the document that `tezgah-cloud seed` takes; loading it twice changes nothing.

    Args:
        machines: The plant.
        password: Everybody's, in the demo.
        now: The work orders are planned from here on.
    """
    return {
        "organization": ORGANIZATION,
        "users": [{"username": name, "role": role, "password": password} for name, role in USERS.items()],
        "machines": [_machine(machine) for machine in machines],
        "work_orders": [
            {
                "product_code": f"P-{number:03}",
                "lot_no": f"DEMO-{number:03}",
                "qty": 500 * number,
                "planned_start": (now + timedelta(hours=4 * number)).isoformat(),
                "planned_end": (now + timedelta(hours=4 * number + 3)).isoformat(),
                "assigned_to": ["worker"],
            }
            for number in range(1, 7)
        ],
        "gateways": [{"id": GATEWAY}],
    }


def _machine(machine: Machine) -> dict[str, Any]:
    machine_type, manufacturer, model = _MAKERS[machine.code.split("-", maxsplit=1)[0]]
    return {
        "code": machine.code,
        "name": machine.code.replace("-", " ").capitalize(),
        "machine_type": machine_type,
        "manufacturer": manufacturer,
        "model": model,
        "location": "Hall 1",
    }
