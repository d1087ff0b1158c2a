"""The pace of a run: which market time it is at a moment of the wall clock, and when a step is due."""

from brokers.simulator.sessions import SECOND_NS

MAX_LAG_NS = 2 * SECOND_NS


def frames_per_second(speed: float) -> float:
    """Return how many frames a wall second gets: at least two, and four in every market minute."""
    return max(2.0, 4.0 * speed / 60.0)


def step_seconds(speed: float, frames: float | None = None) -> float:
    """Return the market seconds between two frames at this speed, with the usual frames or as many as asked."""
    return speed / (frames or frames_per_second(speed))


class Pace:
    """Maps the wall's monotonic clock to market time; late steps run back to back, none is skipped.

    When the lag exceeds two wall seconds the market clock waits for the steps instead of running
    away: a machine that slept does not get hours of market in one burst.
    """

    def __init__(self, *, speed: float, market_ns: int, wall_ns: int) -> None:
        self.speed = speed
        self._market_ns = market_ns
        self._wall_ns = wall_ns

    def market_ns(self, wall_ns: int) -> int:
        """Return the market time that belongs to a wall time."""
        return self._market_ns + int((wall_ns - self._wall_ns) * self.speed)

    def wait_ns(self, due_ns: int, wall_ns: int) -> int:
        """Return the wall nanoseconds until a step is due, zero or less when it is late."""
        return int((due_ns - self.market_ns(wall_ns)) / self.speed)

    def keep_up(self, due_ns: int, wall_ns: int) -> None:
        """Shift the clock back when a step is later than the largest lag allowed."""
        late = -self.wait_ns(due_ns, wall_ns)
        if late > MAX_LAG_NS:
            self.restart(due_ns, wall_ns - MAX_LAG_NS)

    def restart(self, market_ns: int, wall_ns: int) -> None:
        """Let a market time begin at a wall time, as a new session does."""
        self._market_ns, self._wall_ns = market_ns, wall_ns
