"""Password hashing."""

import asyncio
import threading

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher

from cloud.errors import Invalid
from cloud.identity import passwords
from cloud.identity.passwords import Passwords


async def test_a_hash_is_argon2id_and_opens_for_its_password_only():
    hashes = Passwords()
    stored = await hashes.hashed("correct horse")
    assert stored.startswith("$argon2id$")
    assert await hashes.verified("correct horse", stored) == (True, None)
    assert await hashes.verified("wrong horse", stored) == (False, None)


async def test_a_bcrypt_hash_is_verified_and_replaced():
    old = BcryptHasher(rounds=4).hash("correct horse")
    is_right, better = await Passwords().verified("correct horse", old)
    assert is_right
    assert better is not None
    assert better.startswith("$argon2id$")
    assert await Passwords().verified("wrong horse", old) == (False, None)


async def test_a_long_password_of_a_bcrypt_hash_counts_to_its_72nd_byte():
    # as every library did when those hashes were made; today's raise
    long = "ğ" * 40
    old = BcryptHasher(rounds=4).hash(long.encode()[:72])
    assert (await Passwords().verified(long, old))[0]
    assert (await Passwords().verified("ğ" * 36 + "another end", old))[0]
    assert not (await Passwords().verified("x" + long, old))[0]


@pytest.mark.parametrize("stored", ["$2b$99$" + "a" * 53, "$2b$04$" + "a" * 53])
@pytest.mark.parametrize("password", ["correct horse", "a\0b"])
async def test_what_only_looks_like_a_bcrypt_hash_opens_nothing(stored, password):
    assert await Passwords().verified(password, stored) == (False, None)


@pytest.mark.parametrize("stored", [None, "", "!", "plain"])
async def test_nothing_opens_where_there_is_no_hash(stored):
    assert await Passwords().verified("!", stored) == (False, None)


@pytest.mark.parametrize("password", ["", "1234567", "password", "PASSWORD1", "x" * 257])
async def test_a_password_that_is_short_long_or_common_cannot_be_set(password):
    with pytest.raises(Invalid):
        await Passwords().hashed(password)


async def test_no_more_than_two_hashes_are_made_at_once_and_none_on_the_loop():
    class Counting:
        now, most, on_loop = 0, 0, False
        lock = threading.Lock()

        def hash(self, password: str) -> str:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
                self.on_loop |= threading.current_thread() is threading.main_thread()
            reached.wait(0.05)
            with self.lock:
                self.now -= 1
            return "hash"

    reached = threading.Event()
    counting = Counting()
    hashes = Passwords(counting)
    async with asyncio.TaskGroup() as group:
        for _ in range(6):
            group.create_task(hashes.hashed("correct horse"))
    assert counting.most == passwords.AT_ONCE
    assert not counting.on_loop
