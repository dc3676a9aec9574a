"""The whole application over real engines, as the page's own tests use it."""

from tests.integration.web.conftest import operator, page, reader, services, stranger

__all__ = ["operator", "page", "reader", "services", "stranger"]
