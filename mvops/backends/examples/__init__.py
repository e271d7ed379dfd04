"""Examples that `mvops init --example NAME` lays out: one module, one class each, found by name."""
