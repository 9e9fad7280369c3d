"""The daemon: it boots on a configuration and a database, and serves over a Unix socket."""
