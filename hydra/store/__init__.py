"""What Hydra remembers: one port, two stores, one suite of tests over both."""
