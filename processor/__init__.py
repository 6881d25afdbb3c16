"""PROGRAM: takes stories from the bus, scores them, stores the scores and announces them."""
