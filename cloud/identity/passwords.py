"""Owns password hashing: argon2id, two at a time, never on the event loop.

A hash takes 20 to 50 ms and 64 MiB by design; without a bound a flood of logins would take all
memory, and without a thread every other request would wait for it.
"""

import asyncio

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from cloud.errors import Invalid
from cloud.identity import messages

# NIST SP 800-63B, 5.1.1.2: a length, a list of common ones, and no rules of composition
MIN_LENGTH = 8
MAX_LENGTH = 256
_MOST_USED = """
12345678 123456789 1234567890 11111111 00000000 87654321 88888888 12341234 11223344 12121212 147258369 123123123
password password1 password123 passw0rd qwerty12 qwerty123 qwertyuiop 1q2w3e4r q1w2e3r4 1qaz2wsx zaq12wsx asdfghjk
asdf1234 asdasdasd abc12345 abcd1234 iloveyou princess sunshine football baseball superman trustno1 letmein1 welcome1
welcome123 admin123 administrator changeme changeit computer internet whatever starwars michelle jennifer parola123
sifre123 galatasaray fenerbahce besiktas trabzonspor istanbul tezgah123
"""
COMMON = frozenset(_MOST_USED.split())
AT_ONCE = 2


# bcrypt reads no further
_BCRYPT_BYTES = 72


class _OldHasher(BcryptHasher):
    """Verifies as older backends did: what follows the 72nd byte never counted, and newer libraries raise instead."""

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        said = password.encode() if isinstance(password, str) else password
        try:
            return super().verify(said[:_BCRYPT_BYTES], hash)
        except ValueError:
            return False  # a hash that only looks like one, or a password that bcrypt could not have taken


class Passwords:
    """Makes and verifies hashes; bcrypt is verified and replaced, so that old users can come along."""

    def __init__(self, hashes: PasswordHash | None = None) -> None:
        self._hashes = hashes or PasswordHash((Argon2Hasher(), _OldHasher()))
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._nobody: str | None = None

    async def hashed(self, password: str, username: str = "") -> str:
        """Return the hash of a new password.

        Args:
            password: As given.
            username: Whose it is to be.

        Raises:
            Invalid: It is too short, too long, too common, or the user's name.
        """
        check(password, username)
        async with self._slots:
            return await asyncio.to_thread(self._hashes.hash, password)

    async def verified(self, password: str, password_hash: str | None) -> tuple[bool, str | None]:
        """Compare a password with a stored hash.

        Args:
            password: As given.
            password_hash: As stored, or None when there is no such user: then as much time is spent
                on a hash of nobody's, so that the answer's time tells nothing.

        Returns:
            Whether it matches, and the hash to store instead if the stored one is outdated.
        """
        async with self._slots:
            if password_hash is None:
                await asyncio.to_thread(self._hashes.verify, password, await self._of_nobody())
                return False, None
            try:
                return await asyncio.to_thread(self._hashes.verify_and_update, password, password_hash)
            except UnknownHashError:
                return False, None  # a hash of another kind opens nothing

    async def _of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = await asyncio.to_thread(self._hashes.hash, "nobody's password")
        return self._nobody


def check(password: str, username: str = "") -> None:
    """Raise Invalid, saying why, unless the password is good enough to be set."""
    if len(password) < MIN_LENGTH:
        raise Invalid(messages.PASSWORD_SHORT, length=len(password), least=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        raise Invalid(messages.PASSWORD_LONG, length=len(password), most=MAX_LENGTH)
    if password.lower() in COMMON:
        raise Invalid(messages.PASSWORD_COMMON)
    if username and password.lower() == username.lower():
        raise Invalid(messages.PASSWORD_IS_NAME)
