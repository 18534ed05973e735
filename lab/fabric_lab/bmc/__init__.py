"""A Redfish BMC for every server: the emulator of the sushy-tools package, in front of the lab's power switch."""
