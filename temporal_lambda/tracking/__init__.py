"""What a worker has in flight: its slots, its activities, its workflows."""
