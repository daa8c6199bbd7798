"""The one place where parts are put together: settings, catalog, stores, services."""
