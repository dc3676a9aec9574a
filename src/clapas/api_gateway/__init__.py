"""Applications, plans, keys and quotas.

plans.py      what a plan lets through            quotas.py   counts, shared between processes
subscriptions.py  who gets which dataset, by whom approved
outlet.py     live values to ``out/<application>/…``           kong.py     the same plans for Kong OSS
"""

from clapas.api_gateway.errors import QuotaExceeded
from clapas.api_gateway.plans import PLANS, Plan
from clapas.api_gateway.quotas import Quotas, Spent
from clapas.api_gateway.settings import Settings
from clapas.api_gateway.subscriptions import ApiGateway

__all__ = ["PLANS", "ApiGateway", "Plan", "QuotaExceeded", "Quotas", "Settings", "Spent"]
