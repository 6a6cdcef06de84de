"""The embedded broker: nats-server with its MQTT listener, configured, started and watched."""
