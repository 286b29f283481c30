"""Sets up the plant of docker-compose.yml: the database's schema, what plant.json names, and the gateway's tokens.

Called with the plant's file and the file that is to hold the token. Whatever is there already stays, so it runs at
every start. It uses `tezgah-cloud` as a person would, and the same settings from the environment.
"""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Set up; the exit code is not 0 if something is missing, and then the services that wait for this do not start."""
    plant_file, token_file = (Path(argument) for argument in sys.argv[1:])
    plant: dict[str, Any] = json.loads(plant_file.read_text(encoding="utf-8"))
    plant["users"] = [{"username": "admin", "role": "admin", "password": os.environ["ADMIN_PASSWORD"]}]
    cloud("migrate")
    seeded: dict[str, Any] = json.loads(cloud("seed", "-", "--json", given=json.dumps(plant)))
    (gateway,) = seeded["gateways"]
    if "token" in gateway:
        keep(gateway["token"], token_file)
    elif not token_file.exists():
        # its volume was removed; nobody knows that token any more
        keep(renewed(gateway["id"], plant["organization"]), token_file)
    page_token = token_file.with_name("page-token")
    if not page_token.exists():
        # whoever opens the gateway's page shows this one, which is worth nothing to the cloud
        keep(secrets.token_urlsafe(24), page_token)


def renewed(gateway: str, organization: str) -> str:
    """Give the gateway another token; the lost one is worthless from now on."""
    print(f"The token of {gateway} is lost; it gets another one.", file=sys.stderr)  # noqa: T201 - compose shows it
    cloud("gateway", "revoke", gateway, "--organization", organization)
    return cloud("gateway", "create", gateway, "--organization", organization).strip()


def cloud(*arguments: str, given: str = "") -> str:
    """Run a command of `tezgah-cloud` with something on its standard input, and return what it prints."""
    done = subprocess.run(  # noqa: S603 - our own command
        ["tezgah-cloud", *arguments],  # noqa: S607 - found as every shell finds it
        input=given,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        # it has said why on standard error
        sys.exit(done.returncode)
    return done.stdout


def keep(token: str, file: Path) -> None:
    """Write the token so that it is there whole or not at all, and readable by this user only."""
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii") as out:
        out.write(token)
    fresh.replace(file)


if __name__ == "__main__":
    main()
