"""mvops in a notebook: `%load_ext mvops` and `%mvops ...`."""
