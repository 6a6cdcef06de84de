"""The unmodified gateway on real BlueZ and a real kernel, in a virtual machine."""
