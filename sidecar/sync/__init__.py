"""From what all sides say to agreement. What is here is pure: nothing asks, stores or knows the time."""
