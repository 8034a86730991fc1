"""The decision path: from an event as it came to an answer that is durable and explained."""
