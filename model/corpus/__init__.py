"""Our own corpus (CC0): headlines and flash items that we wrote and labelled, English and Chinese. `read` opens it."""
