"""The one way out: every request to an address that a stranger may have chosen goes through here."""
