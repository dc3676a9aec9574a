"""Models, bindings, import, commands and health of devices."""
