"""What differs between Linux and macOS: names, commands, the service manager, who is at the other end of a socket."""
