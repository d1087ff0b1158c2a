"""The websockets of the desk: the dashboard's, and the plain one of prices, signals and positions."""

from __future__ import annotations

from brokers.consumers import HubConsumer


class DashboardConsumer(HubConsumer):
    """`/ws/dashboard`: everything that the Desk page shows."""

    topics = (
        "portfolio",
        "positions",
        "orders",
        "strategies",
        "risk",
        "feeds",
        "switches",
        "quotes",
        "signals",
        "equity",
        "inbox",
    )


class LiveConsumer(HubConsumer):
    """`/ws/live`: prices, signals and positions."""

    topics = ("quotes", "signals", "positions")
