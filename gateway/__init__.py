"""The box in the home: reads Bluetooth devices and forwards every measurement."""
