"""The region: stores every measurement, judges it, raises alerts, shows pages."""
