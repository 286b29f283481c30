"""Owns the next step for whoever meets a server that cannot be reached or says no; pure."""

import os
import socket

from asyncua.ua.status_codes import StatusCodes

_USER = {
    StatusCodes.BadIdentityTokenInvalid,
    StatusCodes.BadIdentityTokenRejected,
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadUserSignatureInvalid,
}
_SECURITY = {
    StatusCodes.BadSecurityPolicyRejected,
    StatusCodes.BadSecurityModeRejected,
    StatusCodes.BadSecurityModeInsufficient,
}
_FULL = {
    StatusCodes.BadTooManySessions,
    StatusCodes.BadTcpServerTooBusy,
    StatusCodes.BadTcpNotEnoughResources,
    StatusCodes.BadMaxConnectionsReached,
}
_ADDRESS = {StatusCodes.BadTcpEndpointUrlInvalid, StatusCodes.BadServerUriInvalid, StatusCodes.BadServerNameMissing}


def of_status(code: int, *, has_user: bool) -> str:
    """Return what to do about an answer of a server, with its semicolon; empty where nothing is known to help.

    Args:
        code: The status code of its answer.
        has_user: Whether the configuration names a user.
    """
    hint = ""
    if code in _USER and has_user:
        hint = "check `user`: its name, its password or certificate, and whether the server lets this user in"
    elif code in _USER:
        hint = (
            'the server lets nobody in without a name: give it `user: {name: .., password: "${env:..}"}`, beside '
            "`security`, or let its administrator allow anonymous readers"
        )
    elif code in _SECURITY:
        hint = "choose a policy and mode that `tezgah-edge doctor` shows under endpoints, by `security`"
    elif code in _FULL:
        hint = "it has as many clients as it takes: end one, or raise its limit of sessions"
    elif code in _ADDRESS:
        hint = "compare the address, and what stands behind its port, with the server's own list of endpoints"
    return f"; {hint}" if hint else ""


def of_trouble(error: OSError, doing: str) -> str:
    """Say why a connection was not made or broke, at what, and what to look at."""
    if isinstance(error, socket.gaierror):
        return f"{error.strerror} while {doing}; check the spelling of its name, and this machine's DNS"
    if isinstance(error, ConnectionRefusedError):
        return f"Connection refused while {doing}; check host and port, and that the server runs"
    # the number says nothing to people, and asyncio's own words repeat the address
    why = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
    return f"{why} while {doing}; check address, cable and firewall"
