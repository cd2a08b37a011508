"""Orders that other systems place: read from files, an interface table, or connections to us."""

from cti.boss.orders.options import OrderPlan, OrderSection

__all__ = ["OrderPlan", "OrderSection"]
