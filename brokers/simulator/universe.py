"""The made market's members: stocks with their factors, the indices, and a day's full list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from brokers.simulator.listings import Listing, equity, future, index, option, with_distinct_tokens
from brokers.simulator.sessions import THURSDAY, TUESDAY, chain_expiries, next_monthly_expiry

STRIKE_STEP = 5_000
CHAIN_REACH = 0.15
SECTORS = ("BANK", "FIN", "IT", "ENERGY", "AUTO", "FMCG", "PHARMA", "METAL", "INFRA", "CONSUMER")
# Levels at which the made indices begin, in rupees.
INDEX_LEVELS = {"NIFTY 50": 24_812.35, "NIFTY BANK": 57_426.80, "SENSEX": 81_240.15, "INDIA VIX": 12.4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A constituent with its made price, factor loadings and daily volume."""

    symbol: str
    name: str
    sector: str
    price: float
    weight: float
    beta: float
    vol_annual: float
    shares_per_day: int
    in_sensex: bool


# symbol | name | sector | price | index weight | beta | annual volatility | shares a day in lakh | S when in SENSEX
_TABLE = """
ADANIENT|Adani Enterprises|METAL|2410|0.6|1.35|0.36|18|
ADANIPORTS|Adani Ports|INFRA|1462|0.9|1.25|0.31|28|S
APOLLOHOSP|Apollo Hospitals|PHARMA|7440|0.6|0.75|0.25|4|
ASIANPAINT|Asian Paints|CONSUMER|2465|1.0|0.70|0.24|11|S
AXISBANK|Axis Bank|BANK|1218|3.0|1.15|0.25|85|S
BAJAJ-AUTO|Bajaj Auto|AUTO|9120|0.9|0.85|0.26|4|
BAJAJFINSV|Bajaj Finserv|FIN|2052|1.0|1.10|0.26|14|S
BAJFINANCE|Bajaj Finance|FIN|1034|2.2|1.20|0.28|92|S
BEL|Bharat Electronics|INFRA|408|1.3|1.15|0.32|190|S
BHARTIARTL|Bharti Airtel|CONSUMER|2018|4.6|0.80|0.22|60|S
BSE|BSE|FIN|2516|0.6|1.40|0.40|48|
CIPLA|Cipla|PHARMA|1524|0.7|0.55|0.22|16|
COALINDIA|Coal India|ENERGY|386|0.8|0.80|0.24|72|
DRREDDY|Dr Reddy's|PHARMA|1268|0.7|0.55|0.23|19|
EICHERMOT|Eicher Motors|AUTO|6790|0.8|0.85|0.25|5|
ETERNAL|Eternal|CONSUMER|304|1.7|1.20|0.38|380|S
GRASIM|Grasim|INFRA|2745|0.9|0.85|0.22|7|
HCLTECH|HCL Technologies|IT|1596|1.4|0.85|0.25|27|S
HDFCBANK|HDFC Bank|BANK|986|12.8|1.00|0.19|210|S
HDFCLIFE|HDFC Life|FIN|742|0.7|0.85|0.23|24|
HINDALCO|Hindalco|METAL|802|1.0|1.20|0.31|55|
HINDUNILVR|Hindustan Unilever|FMCG|2388|1.8|0.50|0.20|17|S
ICICIBANK|ICICI Bank|BANK|1376|8.4|1.05|0.20|125|S
INDIGO|InterGlobe Aviation|CONSUMER|5860|1.0|0.95|0.29|9|
INFY|Infosys|IT|1512|4.8|0.90|0.25|72|S
ITC|ITC|FMCG|404|3.2|0.55|0.18|140|S
JIOFIN|Jio Financial|FIN|302|0.8|1.15|0.31|160|
JSWSTEEL|JSW Steel|METAL|1168|1.0|1.10|0.28|19|
KOTAKBANK|Kotak Mahindra Bank|BANK|2094|2.7|0.95|0.22|26|S
LT|Larsen & Toubro|INFRA|3984|4.0|1.10|0.23|19|S
M&M|Mahindra & Mahindra|AUTO|3692|2.7|1.05|0.27|22|S
MARUTI|Maruti Suzuki|AUTO|15910|1.8|0.85|0.23|4|S
MAXHEALTH|Max Healthcare|PHARMA|1108|0.7|0.80|0.28|21|
NESTLEIND|Nestle India|FMCG|1262|0.7|0.45|0.20|12|
NTPC|NTPC|ENERGY|328|1.5|0.90|0.22|98|S
ONGC|ONGC|ENERGY|248|0.8|0.90|0.25|120|
POWERGRID|Power Grid|ENERGY|276|1.1|0.80|0.21|105|S
RELIANCE|Reliance Industries|ENERGY|1494|8.3|1.05|0.21|108|S
SBILIFE|SBI Life|FIN|2014|0.7|0.75|0.22|9|
SBIN|State Bank of India|BANK|972|3.3|1.10|0.22|92|S
SHRIRAMFIN|Shriram Finance|FIN|812|0.9|1.25|0.31|55|
SUNPHARMA|Sun Pharmaceutical|PHARMA|1772|1.6|0.60|0.21|17|S
TATACONSUM|Tata Consumer|FMCG|1182|0.6|0.65|0.23|12|
TATASTEEL|Tata Steel|METAL|174|1.3|1.20|0.29|330|S
TCS|Tata Consultancy Services|IT|3108|2.7|0.80|0.22|24|S
TECHM|Tech Mahindra|IT|1462|0.8|0.90|0.27|15|S
TITAN|Titan|CONSUMER|3872|1.4|0.85|0.24|9|S
TMPV|Tata Motors Passenger Vehicles|AUTO|366|0.7|1.20|0.33|130|S
TRENT|Trent|CONSUMER|4412|0.8|1.15|0.36|11|S
ULTRACEMCO|UltraTech Cement|INFRA|11820|1.2|0.85|0.22|3|S
"""


def _read(line: str) -> Stock:
    symbol, name, sector, price, weight, beta, vol, lakh, sensex = line.split("|")
    return Stock(
        symbol=symbol,
        name=name,
        sector=sector,
        price=float(price),
        weight=float(weight),
        beta=float(beta),
        vol_annual=float(vol),
        shares_per_day=int(lakh) * 100_000,
        in_sensex=sensex == "S",
    )


STOCKS = tuple(_read(line) for line in _TABLE.strip().splitlines())
FUTURES = (("NIFTY", TUESDAY), ("BANKNIFTY", TUESDAY), ("SENSEX", THURSDAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """One day's listings in a fixed order: indices, stocks, futures, then options by expiry."""

    day: date
    listings: tuple[Listing, ...]
    indices: slice
    stocks: slice
    futures: slice
    options: slice
    expiries: tuple[date, ...]


def build_universe(
    day: date, stock_prices: list[int], index_levels: dict[str, int], listed: Sequence[Listing] = ()
) -> Universe:
    """Return the day's universe around the given last prices and index levels (paise).

    Options already listed stay until they expire, however far the index has moved away from them.
    """
    indices = [index(name, "BSE" if name == "SENSEX" else "NSE") for name in INDEX_LEVELS]
    stocks = [equity(s.symbol, s.name.upper(), price) for s, price in zip(STOCKS, stock_prices, strict=True)]
    futures = [_near_future(name, weekday, day, index_levels) for name, weekday in FUTURES]
    expiries = chain_expiries(day)
    options = [
        option("NIFTY", expiry, strike, kind)
        for expiry in expiries
        for kind in ("CE", "PE")
        for strike in sorted({*chain_strikes(index_levels["NIFTY 50"]), *_listed_strikes(listed, expiry)})
    ]
    marks = [0, len(indices), len(stocks), len(futures), len(options)]
    ends = [sum(marks[: n + 1]) for n in range(len(marks))]
    return Universe(
        day=day,
        listings=with_distinct_tokens([*indices, *stocks, *futures, *options]),
        indices=slice(ends[0], ends[1]),
        stocks=slice(ends[1], ends[2]),
        futures=slice(ends[2], ends[3]),
        options=slice(ends[3], ends[4]),
        expiries=tuple(expiries),
    )


def chain_strikes(level: int) -> list[int]:
    """Return the strikes in paise every 50 points out to 15 % on both sides of the level."""
    low = round(level * (1 - CHAIN_REACH) / STRIKE_STEP)
    high = round(level * (1 + CHAIN_REACH) / STRIKE_STEP)
    return [STRIKE_STEP * n for n in range(low, high + 1)]


def _listed_strikes(listed: Sequence[Listing], expiry: date) -> list[int]:
    return [listing.strike for listing in listed if listing.is_option and listing.expiry == expiry]


def _near_future(name: str, weekday: int, day: date, index_levels: dict[str, int]) -> Listing:
    underlying = {"NIFTY": "NIFTY 50", "BANKNIFTY": "NIFTY BANK"}.get(name, name)
    return future(name, next_monthly_expiry(day, weekday), index_levels[underlying])
