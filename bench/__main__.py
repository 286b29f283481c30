"""`python -m bench [NAME..]`: runs the benchmarks named, or all, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

# from one part to the whole
ORDER = (
    "buffer",
    "board",
    "ingest",
    "growth",
    "rollups",
    "oee",
    "api_cost",
    "api_orders",
    "modbus_driver",
    "modbus_durable",
    "opcua_driver",
    "opcua_durable",
    "mqtt_driver",
    "mqtt_durable",
    "memory",
    "predictions",
    "whatif",
    "predictions_service",
    "three_protocols",
    "drain",
    "end_to_end",
)


def main() -> int:
    """Run them in order; the exit code is the number of those that failed."""
    known = [name for name in ORDER if (Path(__file__).parent / f"{name}.py").exists()]
    wanted = sys.argv[1:] or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 64
    failed = 0
    for name in wanted:
        print(f"\n== {name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
