"""Alerts, decided: rules, the engine that holds stories against them, and what is said when one fires. Pure."""
