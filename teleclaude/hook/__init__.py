"""What the hooks of AI agents run: each event is handed to the daemon, or kept until the next call.

The agent waits for it at every tool call. So it imports the standard library alone, and of that no more than it needs;
a test holds its time and its memory.
"""
