import asyncio

import pytest

from brokers.registry import net_for
from tests.contracts.kite_bench import a_bench, signed_in, simulated


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """Run the simulated venue as a process of its own, mid-session, with faults to be asked for."""
    with simulated(tmp_path_factory.mktemp("simulator")) as urls:
        yield urls


@pytest.fixture
async def net():
    net = net_for()
    yield net
    await net.close()


@pytest.fixture
async def session(simulator):
    return await asyncio.to_thread(signed_in, simulator)


@pytest.fixture
async def bench(simulator, net, session):
    return await a_bench(simulator, net, session)
