"""The ground floor: what the five programs share. It imports none of them."""
