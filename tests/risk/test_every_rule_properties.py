"""What holds of the gate with any limits set, over any book: monotone, idempotent, never more exposed, exits possible."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.orders import ApprovedOrder, Purpose, Side
from risk.domain import Reduced, Switches, pending_of, recheck
from risk.domain.exposure import closable, gross_exposure, holder_of, own_reach, position_value, reduces
from risk.domain.facts import CircuitView, MarginView, NavView, StressView
from risk.domain.levels import Level, LevelLimits
from tests.risk.builders import (
    RELIANCE,
    a_fill,
    a_holding,
    a_pending,
    a_quote,
    a_view,
    an_instrument,
    an_intent,
    engaged,
    reviewed,
    some_limits,
    trades,
)

sides = st.sampled_from(list(Side))
money = st.integers(1_000, 1_000_000).map(Decimal)
counts = st.integers(1, 30)
shares = st.decimals("0.01", "0.99", places=2)
keys = st.sampled_from([RELIANCE, "NSE:SBIN", "NFO:RELIANCE26AUGFUT"])
deployments = st.sampled_from(["D1", "D2"])


def maybe(values):
    return st.none() | values


SIZES = {
    "max_order_value_quote": money,
    "max_gross_exposure_quote": money,
    "max_position_value_quote": money,
    "max_net_exposure_quote": maybe(money),
    "max_underlying_value_quote": maybe(money),
    "max_order_quantity": maybe(st.integers(1, 3000)),
    "max_position_quantity": maybe(st.integers(1, 5000)),
    "max_leverage": maybe(st.integers(1, 5)),
}
OTHERS = {
    "max_orders_per_minute": counts,
    "max_open_orders": counts,
    "max_trades_per_day": counts,
    "max_spread_fraction": shares,
    "min_hold_s": counts,
    "reentry_cooldown_s": counts,
    "instruments_allowed": st.just(frozenset({RELIANCE})),
    "max_drawdown_fraction": shares,
    "max_margin_fraction": shares,
    "min_cash_fraction": shares,
    "circuit_gap_fraction": st.just("0.01"),
    "max_scenario_loss_quote": money,
    "max_delta_notional_quote": money,
    "max_var_quote": money,
}


@st.composite
def some_of_all_limits(draw):
    names = draw(st.lists(st.sampled_from(sorted(OTHERS)), max_size=3, unique=True))
    return some_limits(**draw(st.fixed_dictionaries({**SIZES, **{name: OTHERS[name] for name in names}})))


limits = some_of_all_limits()
strategies = st.fixed_dictionaries(
    {}, optional={"max_gross_exposure_quote": money, "max_net_exposure_quote": money, "max_open_orders": counts}
).map(lambda values: LevelLimits(level=Level.STRATEGY, target="D1", values=values))
any_limits = st.builds(lambda base, own: replace(base, levels=(own,)), limits, strategies) | limits


@st.composite
def books(draw):
    held = draw(st.dictionaries(st.tuples(keys, deployments), st.integers(-2000, 2000), max_size=4))
    open_orders = draw(st.lists(st.tuples(keys, deployments, sides, st.integers(1, 500)), max_size=4))
    fills = draw(st.lists(st.tuples(sides, st.integers(1, 50), st.integers(0, 60)), max_size=4))
    figure = Decimal(draw(st.integers(0, 60_000)))
    loss = draw(st.sampled_from([0, 0, 0, 4999, 5000]))
    return a_view(
        instrument=an_instrument(),
        holdings=tuple(a_holding(str(q), instrument=key, deployment=who) for (key, who), q in held.items()),
        pending=tuple(
            a_pending(str(q), side=side, instrument=key, deployment=who, underlying="RELIANCE")
            for key, who, side, q in open_orders
        ),
        quote=a_quote("100", bid="99.5", ask="100.5"),
        pnl_today_net_quote=Decimal(-loss),
        orders_last_minute=draw(st.integers(0, 10)),
        trades=trades(
            *(a_fill(str(q), side=side, ago_s=ago) for side, q, ago in fills), held=held.get((RELIANCE, "D1"), 0)
        ),
        equity_quote=draw(st.sampled_from([None, Decimal(0), Decimal(90_000), Decimal(200_000), Decimal(500_000)])),
        nav=NavView(units=Decimal(1), nav=draw(shares)),
        margin=MarginView(used_quote=figure, after_quote=figure, cash_quote=Decimal(50_000)),
        circuit=CircuitView(lower=Decimal(90), upper=Decimal(110)),
        stress=StressView(
            worst_before_quote=figure / 2,
            worst_after_quote=figure,
            var_before_quote=figure / 2,
            var_after_quote=figure,
            delta_notional_before_quote=figure / 2,
            delta_notional_after_quote=-figure,
        ),
    )


def approved_of(decision):
    if isinstance(decision, Reduced):
        return decision.approved
    return decision if isinstance(decision, ApprovedOrder) else None


def allowed(decision):
    approved = approved_of(decision)
    return approved.intent.quantity if approved else Decimal(0)


@given(view=books(), limits=any_limits, side=sides, quantity=st.integers(1, 3000), more=st.integers(1, 3000))
def test_a_bigger_order_never_passes_where_a_smaller_is_refused(view, limits, side, quantity, more):
    small = allowed(reviewed(an_intent(str(quantity), side=side), view=view, limits=limits))
    large = allowed(reviewed(an_intent(str(quantity + more), side=side), view=view, limits=limits))

    if not small:
        assert not large


@given(view=books(), limits=any_limits, side=sides, quantity=st.integers(1, 3000))
def test_what_was_approved_is_approved_again_whole(view, limits, side, quantity):
    first = reviewed(an_intent(str(quantity), side=side), view=view, limits=limits)
    approved = approved_of(first)

    assert first == reviewed(an_intent(str(quantity), side=side), view=view, limits=limits)
    if approved is not None:
        again = reviewed(approved.intent, view=view, limits=limits)
        assert isinstance(again, ApprovedOrder)
        assert again.intent == approved.intent


@given(view=books(), limits=any_limits, side=sides, quantity=st.integers(1, 3000))
def test_the_second_pass_lets_go_what_the_first_approved(view, limits, side, quantity):
    approved = approved_of(reviewed(an_intent(str(quantity), side=side), view=view, limits=limits))

    if approved is not None:
        rest = pending_of(approved, instrument=view.instrument, remaining=approved.intent.quantity)
        later = replace(view, pending=(*view.pending, rest))
        assert recheck(approved, view=later, limits=limits, switches=Switches()) is None


@given(view=books(), limits=any_limits, side=sides, quantity=st.integers(1, 3000))
def test_no_approved_order_grows_a_value_beyond_its_limit(view, limits, side, quantity):
    approved = approved_of(reviewed(an_intent(str(quantity), side=side), view=view, limits=limits))

    if approved is not None and not reduces(approved.intent, view):
        rest = pending_of(approved, instrument=view.instrument, remaining=approved.intent.quantity)
        after = replace(view, pending=(*view.pending, rest))
        assert approved.reserved_quote <= limits.max_order_value_quote
        assert gross_exposure(after) <= max(limits.max_gross_exposure_quote, gross_exposure(view))
        assert position_value(after, RELIANCE) <= max(limits.max_position_value_quote, position_value(view, RELIANCE))
        if limits.max_net_exposure_quote is not None:
            net = view.reaches.net.worst_quote
            assert after.reaches.net.worst_quote <= max(limits.max_net_exposure_quote, net)
        if limits.max_underlying_value_quote is not None:
            assert after.underlying_quote <= max(limits.max_underlying_value_quote, view.underlying_quote)
        if limits.max_open_orders is not None:
            assert len(after.pending) <= limits.max_open_orders


@given(view=books(), limits=any_limits, side=sides, quantity=st.integers(1, 3000))
def test_an_order_that_only_reduces_adds_nothing_to_its_holder_s_worst_case(view, limits, side, quantity):
    intent = an_intent(str(quantity), side=side)
    approved = approved_of(reviewed(intent, view=view, limits=limits))

    if approved is not None and reduces(intent, view):
        worst = own_reach(intent, view).after(side, approved.reserved_quote).worst_quote
        slip = approved.reserved_quote - quantity * Decimal(100)
        assert worst <= own_reach(intent, view).worst_quote + slip


@given(view=books(), limits=any_limits, share=st.floats(0.01, 1.0), is_marked=st.booleans())
def test_an_exit_passes_whatever_the_limits_say(view, limits, share, is_marked):
    for side in Side:
        free = closable(view, holder_of(an_intent()), side)
        quantity = Decimal(int(free * Decimal(share)))
        if quantity <= 0:
            continue
        purpose = Purpose.EXIT if is_marked else Purpose.ENTRY
        exit_ = an_intent(str(quantity), side=side, purpose=purpose)
        switches = Switches(desk=engaged()) if is_marked else Switches()

        decision = reviewed(exit_, view=view, limits=limits, switches=switches)

        assert isinstance(decision, ApprovedOrder)
        assert decision.intent == exit_


@given(
    view=books(), base=limits, side=sides, quantity=st.integers(1, 3000), tight=st.fixed_dictionaries({}, optional={
        "max_order_value_quote": money, "max_order_quantity": counts.map(Decimal), "max_spread_fraction": shares,
        "min_hold_s": counts, "reentry_cooldown_s": counts, "instruments_allowed": st.just(frozenset({"NSE:SBIN"})),
    }),
)  # fmt: skip
def test_another_level_never_lets_more_pass(view, base, side, quantity, tight):
    intent = an_intent(str(quantity), side=side)
    levels = (
        LevelLimits(level=Level.DESK, values=tight),
        LevelLimits(level=Level.INSTRUMENT, target=RELIANCE, values=tight),
    )

    with_them = allowed(reviewed(intent, view=view, limits=replace(base, levels=levels)))

    assert with_them <= allowed(reviewed(intent, view=view, limits=base))
