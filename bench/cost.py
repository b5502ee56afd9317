from bench.results import Measured


async def measure(quick: bool) -> Measured:
    raise NotImplementedError
