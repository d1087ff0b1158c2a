"""Writes: each checks its body and the caller's right, and asks the desk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import second_factor
from accounts.models import ApiKey, Desk
from accounts.selectors import desks_to_act_on
from brokers.api.idempotency import once
from brokers.api.lookup import account_of, accounts_to_act_on, caller, check_may_write, row_of
from brokers.api.queries import body_of
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.orders import Book
from brokers.models import TradingAccount, venue_of
from execution import acts
from execution.api.bodies import (
    AccountBody,
    AddBody,
    CancelBody,
    ExitAllBody,
    ExitBody,
    IdBody,
    SwitchBody,
    ToggleBody,
)
from execution.models import Command, Order, PositionRow
from execution.services import kill_switch_set
from risk.models import KillSwitch, SwitchScope
from strategies.models import Deployment, DeploymentState

Answer = tuple[int, dict[str, Any]]


class StrategyAdd(APIView):
    """`POST /api/strategies/add`."""

    @extend_schema(request=AddBody, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Add a deployment, stopped."""
        body = body_of(request, AddBody)
        account = one_account(request, body.get("account"), instruments=body["instruments"])
        if body["mode"] == Book.LIVE and moves_real_money(account):
            _refuse_live(request)

        def act(_: str) -> Answer:
            deployment = acts.strategy_add(
                account=account,
                strategy=body["strategy"],
                instruments=body["instruments"],
                params=body["params"],
                mode=body["mode"],
                by=caller(request),
            )
            return 201, {"id": str(deployment.id), "state": deployment.state}

        return once(request, act)


class StrategyToggle(APIView):
    """`POST /api/strategies/toggle`."""

    @extend_schema(request=ToggleBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Start or stop a deployment."""
        body = body_of(request, ToggleBody)
        deployment = _deployment(request, body["id"])
        if body["enabled"]:
            _refuse_going_live(request, [deployment])

        def act(key: str) -> Answer:
            return accepted(
                [
                    acts.strategy_toggle(
                        deployment=deployment, enabled=body["enabled"], by=caller(request), key=key, at=timezone.now()
                    )
                ]
            )

        return once(request, act)


class StrategyRemove(APIView):
    """`POST /api/strategies/remove`."""

    @extend_schema(request=IdBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Take a deployment away."""
        deployment = _deployment(request, body_of(request, IdBody)["id"])

        def act(key: str) -> Answer:
            return accepted(
                [acts.strategy_remove(deployment=deployment, by=caller(request), key=key, at=timezone.now())]
            )

        return once(request, act)


class LiveStart(APIView):
    """`POST /api/live/start`."""

    @extend_schema(request=AccountBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Run the enabled deployments; paper stays paper."""
        accounts = _accounts(request, body_of(request, AccountBody).get("account"))
        enabled = Deployment.objects.filter(account__in=accounts, is_enabled=True).select_related("account")
        _refuse_going_live(request, enabled.exclude(state=DeploymentState.REMOVED))

        def act(key: str) -> Answer:
            return accepted(acts.accounts_start(accounts=accounts, by=caller(request), key=key, at=timezone.now()))

        return once(request, act)


class LiveStop(APIView):
    """`POST /api/live/stop`."""

    @extend_schema(request=AccountBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Rest the deployments."""
        accounts = _accounts(request, body_of(request, AccountBody).get("account"))

        def act(key: str) -> Answer:
            return accepted(acts.accounts_stop(accounts=accounts, by=caller(request), key=key, at=timezone.now()))

        return once(request, act)


class KillSwitchView(APIView):
    """`POST /api/risk/kill-switch`."""

    @extend_schema(request=SwitchBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Engage or release a switch; a key may release none that guards real money."""
        body = body_of(request, SwitchBody)
        targets = _targets(request, body["scope"], body.get("target"))
        if not body["engaged"] and any(_guards_real_money(target) for target in targets):
            refuse_loosening(request, "A switch that guards real money is released on the page, not by an API key.")
            second_factor.require(request)

        def act(_: str) -> Answer:
            switches = [
                kill_switch_set(
                    scope=body["scope"],
                    target=target,
                    engaged=body["engaged"],
                    reason=body["reason"],
                    by=caller(request),
                    at=timezone.now(),
                )
                for target in targets
            ]
            return _switched(switches)

        return once(request, act)


class OrderCancel(APIView):
    """`POST /api/orders/cancel`."""

    @extend_schema(request=CancelBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Cancel an order."""
        order = _order(request, body_of(request, CancelBody))

        def act(key: str) -> Answer:
            return accepted([acts.order_cancel(order=order, by=caller(request), key=key, at=timezone.now())])

        return once(request, act)


class PositionExit(APIView):
    """`POST /api/positions/exit`."""

    @extend_schema(request=ExitBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Close a position."""
        body = body_of(request, ExitBody)
        position = _position(request, body)

        def act(key: str) -> Answer:
            return accepted([acts.position_exit(position=position, by=caller(request), key=key, at=timezone.now())])

        return once(request, act)


class PositionsExitAll(APIView):
    """`POST /api/positions/exit-all`."""

    @extend_schema(request=ExitAllBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Close every position of an account."""
        body = body_of(request, ExitAllBody)
        account = _accounts(request, body["account"])[0]

        def act(key: str) -> Answer:
            command = acts.positions_exit(
                account=account, book=body.get("book"), by=caller(request), key=key, at=timezone.now()
            )
            return accepted([command])

        return once(request, act)


def accepted(commands: Sequence[Command]) -> Answer:
    """Answer with the command, and with each of them when there are several."""
    answer: dict[str, Any] = {"id": str(commands[0].id), "state": commands[0].state}
    if len(commands) > 1:
        answer["commands"] = [
            {"id": str(command.id), "account": str(command.account_id), "state": command.state} for command in commands
        ]
    return 202, answer


def _switched(switches: Sequence[KillSwitch]) -> Answer:
    rows = [
        {"id": str(row.id), "scope": row.scope, "target": str(row.target_id), "engaged": row.is_engaged}
        for row in switches
    ]
    return 202, {"id": rows[0]["id"], "state": "accepted", "switches": rows}


def one_account(request: Request, wanted: UUID | None, *, instruments: Sequence[str] = ()) -> TradingAccount:
    """Find the account of a write that needs exactly one: the only one, or the only one where the instruments trade."""
    accounts = _accounts(request, wanted)
    venues = {venue_of(key) for key in instruments}
    if len(accounts) > 1 and len(venues) == 1:
        accounts = [account for account in accounts if account.venue in venues] or accounts
    if len(accounts) > 1:
        raise Invalid("You may act on several accounts: name one.", code="account.required", field="account")
    return accounts[0]


def _accounts(request: Request, wanted: UUID | None) -> list[TradingAccount]:
    account = account_of(request, wanted)
    if account is not None:
        check_may_write(request, account.desk_id)
        return [account]
    accounts = accounts_to_act_on(caller(request))
    if not accounts:
        raise NotFound("There is no trading account that you may act on.", code="account.none")
    return accounts


def _deployment(request: Request, wanted: UUID) -> Deployment:
    rows = Deployment.objects.exclude(state=DeploymentState.REMOVED).select_related("account")
    deployment: Deployment = row_of(rows, request=request, id=wanted, word="strategy", field="id")
    check_may_write(request, deployment.account.desk_id)
    return deployment


def _order(request: Request, body: dict[str, Any]) -> Order:
    """Find an order by its own id, or by the client id that it went to the venue with."""
    rows = Order.objects.select_related("account")
    account = account_of(request, body.get("account"))
    if account is not None:
        rows = rows.filter(account=account)
    try:
        wanted = UUID(body["id"])
    except ValueError:
        order = rows.visible_to(caller(request)).filter(client_id=body["id"]).first()
        if order is None:
            raise NotFound(f"There is no order {body['id']}.", code="order.unknown", field="id") from None
    else:
        order = row_of(rows, request=request, id=wanted, word="order", field="id")
    check_may_write(request, order.account.desk_id)
    found: Order = order
    return found


def _position(request: Request, body: dict[str, Any]) -> PositionRow:
    account = _accounts(request, body["account"])[0]
    names = {"product": "product", "book": "book", "strategy": "strategy_key"}
    chosen = {column: body[name] for name, column in names.items() if name in body}
    rows = list(
        PositionRow.objects.visible_to(caller(request))
        .filter(account=account, instrument=body["symbol"], **chosen)
        .exclude(quantity=0)[:2]
    )
    if not rows:
        raise NotFound(f"There is no open position in {body['symbol']}.", code="position.unknown", field="symbol")
    if len(rows) > 1:
        raise Invalid(
            "Several positions fit: name book, product and strategy.", code="position.ambiguous", field="symbol"
        )
    position: PositionRow = rows[0]
    return position


def _targets(request: Request, scope: str, wanted: UUID | None) -> list[Any]:
    """Find what a switch guards; without a target, every desk on which the caller may act."""
    if scope == SwitchScope.DEPLOYMENT:
        return [_deployment(request, _required(wanted))]
    if scope == SwitchScope.ACCOUNT:
        return list(_accounts(request, _required(wanted)))
    desks = desks_to_act_on(caller(request))
    if wanted is None:
        return desks
    chosen = [desk for desk in desks if desk.id == wanted]
    if not chosen:
        raise NotFound(f"There is no desk {wanted}.", code="desk.unknown", field="target")
    return chosen


def _required(wanted: UUID | None) -> UUID:
    if wanted is None:
        raise Invalid("Name what the switch guards.", code="field.required", field="target")
    return wanted


def _guards_real_money(target: Desk | TradingAccount | Deployment) -> bool:
    if isinstance(target, Deployment):
        return moves_real_money(target.account)
    if isinstance(target, TradingAccount):
        return moves_real_money(target)
    return TradingAccount.objects.filter(desk=target, is_live=True, is_simulated=False).exists()


def moves_real_money(account: TradingAccount) -> bool:
    return account.is_live and not account.is_simulated


def _refuse_going_live(request: Request, deployments: Iterable[Deployment]) -> None:
    if any(row.mode == Book.LIVE and moves_real_money(row.account) for row in deployments):
        _refuse_live(request)


def _refuse_live(request: Request) -> None:
    refuse_loosening(request, "A strategy goes live on the page, not by an API key.")
    second_factor.require(request)


def refuse_loosening(request: Request, sentence: str) -> None:
    if isinstance(request.auth, ApiKey):
        raise PermissionDenied(sentence, code="risk.loosening")
