"""The agent, which is copied to a device with the runtimes: it times models there and reads the device's facts and energy meters."""
