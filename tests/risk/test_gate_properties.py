"""What must hold after any sequence of reviews."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.orders import ApprovedOrder, Purpose, Side
from risk.domain import Reduced, pending_of
from risk.domain.exposure import gross_exposure, holder_of, position_value
from tests.risk.builders import a_holding, a_quote, a_view, an_exit, an_instrument, an_intent, reviewed, some_limits

PRICES = {"NSE:RELIANCE": "1302.15", "NSE:SBIN": "812.4", "NSE:ITC": "411.05"}
LIMITS = some_limits(
    max_order_value_quote="150000", max_position_value_quote="400000", max_gross_exposure_quote="600000"
)

requests = st.lists(
    st.tuples(
        st.sampled_from(sorted(PRICES)),
        st.sampled_from(list(Side)),
        st.integers(1, 600),
        st.sampled_from(["D1", "D2"]),
        st.booleans(),
        st.integers(0, 600),
    ),
    max_size=25,
)


def approved_of(decision):
    if isinstance(decision, Reduced):
        return decision.approved
    return decision if isinstance(decision, ApprovedOrder) else None


def filled(view, approved, quantity):
    """Move a part of an approved order from what is pending to what is held."""
    intent = approved.intent
    mark = PRICES[intent.instrument]
    holding = a_holding(
        str(quantity * intent.side.sign), mark=mark, instrument=intent.instrument, deployment=intent.deployment_id
    )
    rest = pending_of(approved, instrument=an_instrument(intent.instrument), remaining=intent.quantity - quantity)
    return replace(view, holdings=(*view.holdings, holding), pending=(*view.pending, rest))


@given(requests)
def test_exposure_with_reservations_never_exceeds_its_limits(asked):
    view = a_view()
    for number, (key, side, quantity, deployment, is_market, fill) in enumerate(asked):
        price = None if is_market else PRICES[key]
        intent = an_intent(str(quantity), side=side, price=price, instrument=key, deployment_id=deployment)
        view = replace(view, instrument=an_instrument(key), quote=a_quote(PRICES[key]))
        approved = approved_of(reviewed(intent, view=view, limits=LIMITS, client_id=f"W{number}"))
        if approved is not None:
            view = filled(view, approved, min(Decimal(fill), approved.intent.quantity))

    assert gross_exposure(view) <= LIMITS.max_gross_exposure_quote
    assert all(position_value(view, key) <= LIMITS.max_position_value_quote for key in PRICES)


@given(
    held=st.integers(-50, 50),
    exits=st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 60), st.booleans(), st.booleans())),
)
def test_reduce_only_never_turns_a_position_round(held, exits):
    view = a_view(holdings=(a_holding(str(held)),))
    approved_exits = []
    for number, (side, quantity, is_stop, is_unknown) in enumerate(exits):
        purpose = Purpose.STOP if is_stop else Purpose.EXIT
        intent = replace(an_exit(str(quantity), side=side), purpose=purpose)
        approved = approved_of(reviewed(intent, view=view, client_id=f"W{number}"))
        if approved is not None:
            approved_exits.append(approved.intent)
            rest = pending_of(approved, instrument=an_instrument(), remaining=intent.quantity, is_unknown=is_unknown)
            view = replace(view, pending=(*view.pending, rest))

    after_all_fills = held + sum(intent.quantity * intent.side.sign for intent in approved_exits)
    assert after_all_fills * held >= 0
    assert all(holder_of(intent).deployment_id == "D1" for intent in approved_exits)


SIZES = ("max_order_value_quote", "max_position_value_quote", "max_gross_exposure_quote", "max_daily_loss_quote")


@given(
    asked=st.tuples(st.integers(1, 2000), st.sampled_from(list(Side)), st.booleans()),
    held=st.integers(-3000, 3000),
    loss=st.integers(0, 6000),
    tighter=st.fixed_dictionaries(
        {name: st.decimals("0.01", "1", places=2) for name in (*SIZES, "price_band_fraction", "max_quote_age_s")}
    ),
)
def test_tighter_limits_never_allow_more(asked, held, loss, tighter):
    quantity, side, is_market = asked
    loose = some_limits()
    tight = replace(loose, **{name: getattr(loose, name) * factor for name, factor in tighter.items()})
    view = a_view(holdings=(a_holding(str(held)),), pnl_today_net_quote=Decimal(-loss))
    intent = an_intent(str(quantity), side=side, price=None if is_market else "101")

    under_loose = approved_of(reviewed(intent, view=view, limits=loose))
    under_tight = approved_of(reviewed(intent, view=view, limits=tight))

    allowed = under_loose.intent.quantity if under_loose else 0
    assert (under_tight.intent.quantity if under_tight else 0) <= allowed


@given(quantity=st.integers(1, 5000), held=st.integers(-3000, 3000), side=st.sampled_from(list(Side)))
def test_a_reduced_order_is_the_largest_that_would_have_passed(quantity, held, side):
    view = a_view(holdings=(a_holding(str(held)),))
    decision = reviewed(an_intent(str(quantity), side=side), view=view)

    if isinstance(decision, Reduced):
        fitting = decision.approved.intent.quantity
        assert isinstance(reviewed(an_intent(str(fitting), side=side), view=view), ApprovedOrder)
        assert isinstance(reviewed(an_intent(str(fitting + 1), side=side), view=view), Reduced)
