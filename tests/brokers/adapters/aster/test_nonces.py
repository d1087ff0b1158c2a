import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from redis.asyncio import Redis

from brokers.adapters.aster.nonces import TOO_FAR_AHEAD_US, HostNonces, OwnNonces, RedisNonces, SharedNonces
from config.demo import valkey

NOW_US = 1_795_147_200_000_000
USER = "0xAbC"


@pytest.fixture
def socket():
    folder = Path(tempfile.mkdtemp(prefix="wh-nonce-"))  # the path of a socket must be short
    path = folder / "valkey.sock"
    valkey.prepare_socket(path)
    process = subprocess.Popen(valkey.command(valkey.find_server(), path), stdout=subprocess.DEVNULL)
    valkey.wait_until_answering(path)
    yield path
    process.kill()
    process.wait()
    shutil.rmtree(folder)


@pytest.fixture
async def redis(socket):
    client = Redis.from_url(f"unix://{socket}", socket_timeout=0.5, socket_connect_timeout=0.5)
    yield client
    await client.aclose()


class Away:
    async def next(self, user, now_us):
        raise ConnectionError("away")


class Stuck:
    async def next(self, user, now_us):
        await asyncio.sleep(30)


async def given(nonces, *moments, user=USER):
    return [await nonces.next(user, now_us) for now_us in moments]


async def check_sequence(nonces):
    """A clock that stands still or steps back gives growing nonces; one that was far ahead begins again."""
    found = await given(nonces, NOW_US, NOW_US, NOW_US - 5_000_000, NOW_US + 10)
    assert found == [NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 10]
    wrong = await given(nonces, NOW_US + TOO_FAR_AHEAD_US + 100)
    assert wrong == [NOW_US + TOO_FAR_AHEAD_US + 100]
    assert await given(nonces, NOW_US + 20) == [NOW_US + 20]


async def test_one_process_never_repeats_or_steps_back():
    await check_sequence(OwnNonces())


async def test_one_host_never_repeats_or_steps_back(tmp_path):
    await check_sequence(HostNonces(tmp_path))


async def test_redis_never_repeats_or_steps_back(redis):
    await check_sequence(RedisNonces(redis))


async def test_every_process_of_a_user_draws_from_one_sequence(redis, tmp_path):
    makers = [SharedNonces(shared=RedisNonces(redis), alone=HostNonces(tmp_path)) for _ in range(5)]

    drawn = await asyncio.gather(*(given(maker, *[NOW_US] * 40) for maker in makers))

    everything = [nonce for one in drawn for nonce in one]
    assert len(set(everything)) == len(everything) == 200
    assert all(one == sorted(one) for one in drawn)


async def test_two_users_do_not_share_a_sequence_and_spelling_makes_no_other_user(tmp_path):
    nonces = HostNonces(tmp_path)

    first = await given(nonces, NOW_US)
    other = await given(nonces, NOW_US, user="0xdef")
    same = await given(nonces, NOW_US, user=USER.lower())

    assert (first, other, same) == ([NOW_US], [NOW_US], [NOW_US + 1])
    assert not any(USER.lower() in path.name.lower() for path in tmp_path.iterdir())


@pytest.mark.parametrize("shared", [Away(), Stuck()])
async def test_without_redis_a_host_goes_on_at_once(shared, tmp_path):
    desk, worker = (SharedNonces(shared=shared, alone=HostNonces(tmp_path)) for _ in range(2))

    async with asyncio.timeout(5):
        drawn = [await one.next(USER, NOW_US) for one in (desk, worker, desk, worker)]

    assert drawn == [NOW_US, NOW_US + 1, NOW_US + 2, NOW_US + 3]


async def test_a_redis_that_forgot_repeats_nothing_of_this_process(redis, tmp_path):
    nonces = SharedNonces(shared=RedisNonces(redis), alone=HostNonces(tmp_path))
    await given(nonces, NOW_US, NOW_US)
    await redis.flushall()

    assert await given(nonces, NOW_US) == [NOW_US + 2]


async def test_a_file_of_nonsense_begins_anew(tmp_path):
    nonces = HostNonces(tmp_path)
    await given(nonces, NOW_US)
    for path in tmp_path.iterdir():
        path.write_text("soon")

    assert await given(nonces, NOW_US + 1) == [NOW_US + 1]
