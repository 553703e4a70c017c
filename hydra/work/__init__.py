"""What a worker does: the loop, what it holds, and the processes that it runs in."""
