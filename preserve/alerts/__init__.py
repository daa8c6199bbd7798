"""Telling people and watchers: messages by apprise, pings by HTTP. Addresses hold secrets and are never shown."""
