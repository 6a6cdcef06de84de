"""Collects from every allowed device in reach into the outbox."""

from gateway.collector.collector import Collector

__all__ = ["Collector"]
