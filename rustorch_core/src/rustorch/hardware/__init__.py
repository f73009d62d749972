"""For the user who switches hardware: what will happen on a device, and how to move to it."""
