"""What travels to a device, beside the runtimes: the program that times models there, what the device says of itself, its meters."""
