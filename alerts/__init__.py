"""The program that warns people: rules over windows of scores, firings, deliveries. Nothing is here yet."""
