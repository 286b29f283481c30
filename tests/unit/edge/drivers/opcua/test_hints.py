"""Hints: whoever meets a server that says no is told the next step, not only a status code."""

import errno
import socket

import pytest
from asyncua.ua.status_codes import StatusCodes

from edge.drivers.opcua import hints


@pytest.mark.parametrize(
    ("code", "has_user", "words"),
    [
        (StatusCodes.BadUserAccessDenied, True, "; check `user`: its name, its password"),
        (StatusCodes.BadIdentityTokenRejected, False, "; the server lets nobody in without a name: give it `user: "),
        (StatusCodes.BadSecurityModeRejected, True, "`tezgah-edge doctor` shows"),
        (StatusCodes.BadTooManySessions, False, "raise its limit of sessions"),
        (StatusCodes.BadTcpEndpointUrlInvalid, False, "compare the address"),
    ],
)
def test_an_answer_that_somebody_can_act_on_says_how(code: int, has_user: bool, words: str) -> None:
    assert words in hints.of_status(code, has_user=has_user)


def test_an_answer_that_nobody_can_act_on_has_no_hint() -> None:
    assert hints.of_status(StatusCodes.BadInternalError, has_user=True) == ""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 4840)"), "Connection refused while looking; "),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known while looking; check the spell"),
        (OSError(errno.EHOSTUNREACH, "Connect call failed"), "No route to host while looking; check address, cable"),
        (ConnectionError("closed"), "closed while looking; check address"),
        (ConnectionResetError(), "ConnectionResetError while looking; "),
    ],
)
def test_a_connection_that_is_not_made_says_why_without_a_number(error: OSError, words: str) -> None:
    assert hints.of_trouble(error, "looking").startswith(words)
